//! Where fixtures are. A file that is there is never written again.

use std::fs;
use std::path::PathBuf;

fn folder(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind)
}

/// The names, without their ending, and contents of all files of a kind.
pub(crate) fn read(kind: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    let files = fs::read_dir(folder(kind)).into_iter().flatten();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    })
}

pub(crate) fn is_there(kind: &str, name: &str) -> bool {
    folder(kind).join(format!("{name}.json")).exists()
}

/// Writes a file that must not be there yet.
pub(crate) fn write(kind: &str, name: &str, content: &impl serde::Serialize) {
    let folder = folder(kind);
    fs::create_dir_all(&folder).unwrap();
    let mut file = fs::File::create_new(folder.join(format!("{name}.json"))).unwrap();
    let json = serde_json::to_string_pretty(content).unwrap();
    std::io::Write::write_all(&mut file, format!("{json}\n").as_bytes()).unwrap();
}
