//! Frames (RFC 5734, section 4): four octets with the length of all, themselves among it, and a document of XML.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::{Hostile, Lost};

const HEADER: usize = 4;

/// The frame of a document, unless it is larger than `most`.
pub(crate) fn frame(document: &str, most: usize) -> Option<Vec<u8>> {
    let length = document.len().checked_add(HEADER).filter(|length| *length <= most)?;
    let mut bytes = u32::try_from(length).ok()?.to_be_bytes().to_vec();
    bytes.extend_from_slice(document.as_bytes());
    Some(bytes)
}

pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<(), Lost> {
    stream.write_all(frame).await.map_err(broken)?;
    stream.flush().await.map_err(broken)
}

/// The document of the next frame, which is not larger than `most`. Memory is taken as bytes arrive, not as they are
/// announced.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin), most: usize) -> Result<Vec<u8>, Lost> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).await.map_err(broken)?;
    let length = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if length <= HEADER || length > most {
        return Err(Lost::Hostile(Hostile::new(format!("a frame says that it has {length} bytes"))));
    }
    let length = length - HEADER;
    let mut body = Vec::new();
    stream.take(length as u64).read_to_end(&mut body).await.map_err(broken)?;
    if body.len() < length {
        return Err(Lost::Broken("it ended within a frame".to_owned()));
    }
    Ok(body)
}

fn broken(error: std::io::Error) -> Lost {
    Lost::Broken(error.to_string())
}
