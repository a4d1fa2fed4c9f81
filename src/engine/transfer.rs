//! The data set for a client that takes a copy of it (SYNC), as an RDB file.
//!
//! It is a snapshot told again in Redis' format, in a file without a name: it goes when the client has it, or is gone.

use super::Engine;
use crate::base::disk::File;
use crate::snapshot::{self, Fault};
use bytes::Bytes;
use std::io;

/// Bytes sent at once.
const PIECE: usize = 256 * 1024;

/// What a client wants of the next copy (REPLCONF).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Keys and libraries of functions.
    Everything,
    /// The libraries alone.
    Libraries,
    /// Neither.
    Nothing,
}

/// A client that takes copies of the data set, or is about to (REPLCONF, SYNC).
#[derive(Debug)]
pub struct Copying {
    /// What it wants.
    pub content: Content,
    /// It does not want to hear of the changes after the copy.
    pub once: bool,
    /// What is on its way to it.
    pub transfer: Option<Transfer>,
}

impl Default for Copying {
    fn default() -> Self {
        Self { content: Content::Everything, once: false, transfer: None }
    }
}

/// A file on its way to a client.
#[derive(Debug)]
pub struct Transfer {
    file: Box<dyn File>,
    sent: u64,
    len: u64,
}

impl Transfer {
    /// Bytes of the whole file.
    pub fn size(&self) -> u64 {
        self.len
    }

    /// What is to be sent next; empty when nothing is left.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn piece(&mut self) -> io::Result<Bytes> {
        let mut piece = vec![0; PIECE.min((self.len - self.sent) as usize)];
        if self.file.read_at(self.sent, &mut piece)? < piece.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.sent += piece.len() as u64;
        Ok(piece.into())
    }
}

impl Engine {
    /// Makes a file of what the server holds, for the client of this number. For one that has keys it takes a snapshot.
    ///
    /// # Errors
    /// When the snapshot fails, or the disk refuses the file.
    pub fn transfer(&self, content: Content, client: u64) -> Result<Transfer, Fault> {
        let dir = self.data_directory();
        let path = dir.file(&format!("transfer-{client}.part"));
        if content == Content::Everything {
            self.save_now()?;
        }
        dir.disk.create_dir(&dir.path).map_err(Fault::io(&dir.path, "create"))?;
        let file = dir.disk.create(&path).map_err(Fault::io(&path, "create"))?;
        dir.disk.remove(&path).map_err(Fault::io(&path, "remove"))?;
        let written = match content {
            Content::Everything => {
                let found = snapshot::newest(&dir)?.ok_or(Fault::Abandoned)?;
                let told = snapshot::transcribe(&dir, &found, self.keyspace.packing(), &*file)?;
                if told.left_out > 0 {
                    tracing::warn!(
                        keys = told.left_out,
                        "queues are not in the copy that a client takes: RDB files have none"
                    );
                }
                Ok(())
            }
            Content::Libraries => {
                let libraries = self.scripts.libraries();
                snapshot::transcribe_libraries(libraries.iter().map(|library| &*library.code), &*file)
            }
            Content::Nothing => snapshot::transcribe_libraries([].into_iter(), &*file),
        };
        written.map_err(Fault::io(&path, "write"))?;
        let len = file.len().map_err(Fault::io(&path, "read"))?;
        Ok(Transfer { file, sent: 0, len })
    }
}
