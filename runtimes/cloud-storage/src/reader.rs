//! An object being read.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use futures_util::StreamExt;
use lab::Error;
use object_store::path::Path;
use tokio::sync::mpsc;

use crate::driver::Driver;
use crate::failure::Request;
use crate::stores::Bucket;

/// Pieces that are read ahead. A piece is what the connection hands over, at most some hundred kilobytes.
const PIECES_AHEAD: usize = 4;

/// Reads an object's pieces as they come. When it is dropped the rest is not fetched.
///
/// What is read is one version of the object: if it is replaced meanwhile the service goes on with the old one, and where
/// the connection breaks and has to be made again the new one is told from it, which is an error.
pub(crate) struct ObjectReader {
    pieces: mpsc::Receiver<Result<Bytes, Error>>,
    piece: Bytes,
}

impl ObjectReader {
    pub(crate) fn open(driver: &Driver, bucket: Bucket, path: Path, request: Request) -> Result<ObjectReader, Error> {
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let opened = driver.run(async move {
            let result = bucket.get_opts(&path, Default::default()).await.map_err(|error| request.failed(&error))?;
            tokio::spawn(async move {
                let mut stream = result.into_stream();
                while let Some(piece) = stream.next().await {
                    let piece = piece.map_err(|error| request.failed(&error));
                    let broken = piece.is_err();
                    if sender.send(piece).await.is_err() || broken {
                        return;
                    }
                }
            });
            Ok(())
        })?;
        opened.map(|()| ObjectReader { pieces, piece: Bytes::new() })
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.piece.is_empty() {
            match pollster::block_on(self.pieces.recv()) {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
