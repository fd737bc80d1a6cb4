//! A bare TCP connection: bytes out, bytes in.

use std::io;
use std::net::{Shutdown, SocketAddr};

use tokio::net::TcpStream;

use crate::support::PATIENCE;

pub(crate) struct Wire(TcpStream);

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.map(Self)
    }

    /// Sends all of it, or as much as the server takes before it closes.
    pub(crate) async fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.0.try_write(bytes) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let writable = tokio::time::timeout(PATIENCE, self.0.writable());
                    writable.await.expect("the server reads").unwrap();
                }
                Err(_) => return,
            }
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(self) -> Self {
        let stream = self.0.into_std().unwrap();
        // The server may have closed already.
        let _ = stream.shutdown(Shutdown::Write);
        Self(TcpStream::from_std(stream).unwrap())
    }

    /// What comes next; nothing at the end, however it comes.
    pub(crate) async fn read_some(&self) -> Vec<u8> {
        let mut part = [0; 16 << 10];
        loop {
            match self.0.try_read(&mut part) {
                Ok(count) => return part[..count].to_vec(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let readable = tokio::time::timeout(PATIENCE, self.0.readable());
                    readable.await.expect("the server answers or closes").unwrap();
                }
                Err(_) => return Vec::new(),
            }
        }
    }

    /// Everything until the server closes.
    pub(crate) async fn read_to_end(&self) -> Vec<u8> {
        let mut read = Vec::new();
        loop {
            let part = self.read_some().await;
            if part.is_empty() {
                return read;
            }
            read.extend(part);
        }
    }

    /// The same as text.
    pub(crate) async fn read_text(&self) -> String {
        String::from_utf8_lossy(&self.read_to_end().await).into_owned()
    }
}
