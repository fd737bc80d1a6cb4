//! A service on the other side of a socket: it outlives every process, and remembers who asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Serves until the test's process ends.
#[derive(Clone)]
pub(crate) struct Service {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    down: AtomicBool,
    /// How often it was asked under which key, and how often it answered.
    asked: Mutex<BTreeMap<String, (u32, u32)>>,
}

impl Service {
    /// One that answers everything with this JSON, as long as it is well.
    pub(crate) fn answering(body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let own = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, body) = (Arc::clone(&own), body.clone());
                std::thread::spawn(move || serve(&stream, &seen, &body));
            }
        });
        Self { address, seen }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it fails, or no longer.
    pub(crate) fn set_down(&self, down: bool) {
        self.seen.down.store(down, Ordering::SeqCst);
    }

    /// How often it was asked under which key, and how often it answered.
    pub(crate) fn asked(&self) -> BTreeMap<String, (u32, u32)> {
        self.seen.asked.lock().unwrap().clone()
    }
}

/// One request a connection. A caller that died has no use for the answer.
fn serve(mut stream: &TcpStream, seen: &Seen, body: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "idempotency-key" => value.trim().clone_into(&mut key),
                _ => {}
            }
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    let down = seen.down.load(Ordering::SeqCst);
    {
        let mut asked = seen.asked.lock().unwrap();
        let of_key = asked.entry(key).or_default();
        *of_key = (of_key.0 + 1, of_key.1 + u32::from(!down));
    }
    let (status, body) = if down { ("503 Busy", "{}") } else { ("200 OK", body) };
    let head = "content-type: application/json\r\nconnection: close";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).ok()
}
