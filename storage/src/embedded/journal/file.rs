//! One file of the journal: a header, then frames, each at the beginning of a block.
//!
//! Invariant: the file ahead of its last frame was written before, with zeros or older frames, so
//! that a frame's sync changes no length and no allocation. It grows by a piece at a time, in the
//! same sync as the frame that needs it.

use bytes::Bytes;
use redb::StorageBackend;

use super::frame::{Frame, HEADER, Head};
use super::header::{self, BLOCK, Header};
use crate::embedded::config::Threads;
use crate::embedded::disk::Disk;
use crate::error::StoreError;

pub(super) struct LogFile {
    name: &'static str,
    file: Box<dyn StorageBackend>,
    length: u64,
    grow_by: u64,
    /// None until it is begun for the first time.
    header: Option<Header>,
    /// Not written yet: it goes with the next frame.
    begins: bool,
    /// Where the next frame goes.
    at: u64,
    /// The newest batch in it.
    last: u64,
}

/// What a file was found to hold.
#[derive(Default)]
pub(super) struct Frames {
    pub(super) first: Option<u64>,
    pub(super) last: u64,
    pub(super) batches: Vec<(u64, Bytes)>,
    /// Where the last frame is, and its bytes.
    pub(super) newest: Option<(u64, Vec<u8>)>,
}

impl LogFile {
    /// Opens both files, or makes both.
    pub(super) fn open_or_make(
        disk: &dyn Disk,
        names: [&'static str; 2],
        grow_by: u64,
    ) -> Result<[Self; 2], StoreError> {
        let temporary = "journal.new";
        disk.remove(temporary).map_err(StoreError::io("remove a leftover temporary file"))?;
        let [first, second] = names;
        let open = |name| Self::open(disk, name, grow_by);
        match (open(first)?, open(second)?) {
            (Some(first), Some(second)) => {
                // Whoever renamed them may have died before their names were durable, and all that
                // is committed from now on hangs on those names.
                disk.sync_names().map_err(StoreError::io("sync the store's directory"))?;
                return Ok([first, second]);
            }
            // Made one after the other, so these are what a crash may leave.
            (None, None) => Self::make(disk, temporary, first)?,
            (Some(first), None) if first.header.is_none() => {}
            (Some(_), None) => {
                return Err(StoreError::corrupt(format!("{second} is gone")));
            }
            (None, Some(_)) => return Err(StoreError::corrupt(format!("{first} is gone"))),
        }
        Self::make(disk, temporary, second)?;
        match (open(first)?, open(second)?) {
            (Some(first), Some(second)) => Ok([first, second]),
            _ => Err(StoreError::corrupt("the journal is gone right after it was made")),
        }
    }

    fn make(disk: &dyn Disk, temporary: &str, name: &str) -> Result<(), StoreError> {
        let making = StoreError::io("make a journal file");
        // One that was there already may not have a durable name yet.
        disk.sync_names().map_err(StoreError::io("sync the store's directory"))?;
        let made = disk.create(temporary).and_then(|file| {
            file.write(0, &vec![0; header::BYTES as usize])?;
            file.close()
        });
        made.map_err(making)?;
        disk.publish(temporary, name).map_err(StoreError::io("rename a journal file"))?;
        disk.sync_names().map_err(StoreError::io("sync the store's directory"))
    }

    fn open(disk: &dyn Disk, name: &'static str, grow_by: u64) -> Result<Option<Self>, StoreError> {
        let file = disk.open(name).map_err(StoreError::io("open the journal"))?;
        let Some(file) = file else { return Ok(None) };
        let length = file.len().map_err(StoreError::io("read the journal"))?;
        let mut blocks = vec![0; length.min(header::BYTES) as usize];
        file.read(0, &mut blocks).map_err(StoreError::io("read the journal"))?;
        let header = Header::decode(&blocks, name)?;
        let (at, grow_by) = (header::BYTES, grow_by.next_multiple_of(BLOCK));
        Ok(Some(Self { name, file, length, grow_by, header, begins: false, at, last: 0 }))
    }

    /// 0 before it is begun.
    pub(super) fn generation(&self) -> u64 {
        self.header.map_or(0, |header| header.generation)
    }

    /// The newest batch in it; 0 if it has none.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Bytes up to where the next frame goes.
    pub(super) fn used(&self) -> u64 {
        self.at
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads the frames. Batches up to `applied` are passed over.
    pub(super) fn recover(&mut self, applied: u64) -> Result<Frames, StoreError> {
        let Some(header) = self.header else { return Ok(Frames::default()) };
        let mut found = Frames::default();
        while let Some((head, body)) = self.frame(self.at, header.salt)? {
            if found.first.is_some() && head.first != found.last + 1 {
                return Err(StoreError::corrupt(format!(
                    "{}: batch {} follows batch {}",
                    self.name, head.first, found.last
                )));
            }
            if head.last > applied {
                let batches = head.batches(&body);
                let batches = batches
                    .map_err(|what| StoreError::corrupt(format!("{}: {what}", self.name)))?;
                let unapplied = batches.into_iter().filter(|(sequence, _)| *sequence > applied);
                found.batches.extend(unapplied);
            }
            found.first.get_or_insert(head.first);
            found.last = head.last;
            found.newest = Some((self.at, head.bytes(&body)));
            self.at = end_of(self.at, body.len());
        }
        self.last = found.last;
        Ok(found)
    }

    /// Makes sure that what was found stays. A process that was killed may have written the last
    /// frame without its sync, or a sync may have failed, after which the system shows what it has
    /// not written and believes that it has: so the header and the frame are written again.
    pub(super) fn secure(&mut self, found: &Frames) -> Result<(), StoreError> {
        let Some(header) = self.header else { return Ok(()) };
        let Some((at, frame)) = &found.newest else {
            // Its header goes with its first frame.
            self.begins = true;
            return Ok(());
        };
        let written = self.file.write(0, &header.encode());
        let written = written.and_then(|()| self.file.write(*at, frame));
        written.and_then(|()| self.file.sync_data()).map_err(StoreError::io("sync the journal"))
    }

    /// Behind the newest generation's end, where a frame may be torn, no whole one may follow: each
    /// was written only after the one before was synced.
    pub(super) fn ensure_end(&self) -> Result<(), StoreError> {
        let Some(Header { salt, .. }) = self.header else { return Ok(()) };
        let mut at = self.at + BLOCK;
        while at < self.length {
            let later = self.head(at, salt)?.is_some_and(|head| head.first > self.last);
            if later && self.frame(at, salt)?.is_some() {
                return Err(StoreError::corrupt(format!(
                    "{} is damaged at byte {}, behind batch {}: a whole frame follows at byte {at}",
                    self.name, self.at, self.last
                )));
            }
            at += BLOCK;
        }
        Ok(())
    }

    fn head(&self, at: u64, salt: u64) -> Result<Option<Head>, StoreError> {
        if at + HEADER as u64 > self.length {
            return Ok(None);
        }
        let mut bytes = [0; HEADER];
        self.file.read(at, &mut bytes).map_err(StoreError::io("read the journal"))?;
        Ok(Head::decode(bytes, salt))
    }

    /// The frame at this place, if a whole one is there.
    fn frame(&self, at: u64, salt: u64) -> Result<Option<(Head, Bytes)>, StoreError> {
        let Some(head) = self.head(at, salt)? else { return Ok(None) };
        let body_at = at + HEADER as u64;
        if body_at + u64::from(head.length) > self.length {
            return Ok(None);
        }
        let mut body = vec![0; head.length as usize];
        self.file.read(body_at, &mut body).map_err(StoreError::io("read the journal"))?;
        Ok(head.matches(&body, salt).then(|| (head, body.into())))
    }

    /// Forgets what it holds; from the next frame on it is of another generation. A file that a
    /// burst has made much longer than `usual` gives the rest back.
    pub(super) fn begin(
        &mut self,
        generation: u64,
        threads: Threads,
        usual: u64,
    ) -> Result<(), StoreError> {
        let usual = usual.max(self.grow_by).next_multiple_of(BLOCK);
        if self.length > usual.saturating_mul(4) {
            self.file.set_len(usual).map_err(StoreError::io("shorten the journal"))?;
            self.length = usual;
        }
        let room = self.length.saturating_sub(header::BYTES).min(BLOCK);
        let mut before = vec![0; room as usize];
        self.file.read(header::BYTES, &mut before).map_err(StoreError::io("read the journal"))?;
        self.header = Some(Header::new(generation, threads, &before));
        self.begins = true;
        self.at = header::BYTES;
        self.last = 0;
        Ok(())
    }

    /// Writes a frame; on disk when it returns.
    pub(super) fn append(&mut self, frame: Frame) -> Result<(), StoreError> {
        let header = self
            .header
            .ok_or_else(|| StoreError::corrupt(format!("{} was never begun", self.name)))?;
        let last = frame.last();
        let bytes = frame.finish(header.salt).ok_or_else(|| {
            StoreError::io("write to the journal")(std::io::ErrorKind::FileTooLarge.into())
        })?;
        let end = self.at + bytes.len() as u64;
        self.write(header, &bytes, end).map_err(StoreError::io("write to the journal"))?;
        self.begins = false;
        self.at = end_of(self.at, bytes.len() - HEADER);
        self.last = last;
        Ok(())
    }

    fn write(&mut self, header: Header, bytes: &[u8], end: u64) -> std::io::Result<()> {
        if end > self.length {
            // Zeros are written, not reserved: reserved space would cost every sync dear until it
            // is written once.
            let length = end.next_multiple_of(self.grow_by);
            // Not within the block where the last frame may end.
            let from = self.length.next_multiple_of(BLOCK);
            self.file.set_len(length)?;
            self.file.write(from, &vec![0; (length - from) as usize])?;
            self.length = length;
        }
        if self.begins {
            self.file.write(0, &header.encode())?;
        }
        self.file.write(self.at, bytes)?;
        self.file.sync_data()
    }

    pub(super) fn close(self) -> Result<(), StoreError> {
        self.file.close().map_err(StoreError::io("close the journal"))
    }
}

/// Where the frame behind this one goes.
fn end_of(at: u64, body: usize) -> u64 {
    (at + (HEADER + body) as u64).next_multiple_of(BLOCK)
}
