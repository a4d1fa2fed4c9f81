//! Reading replies back: tests, scripts, links to other servers.
//!
//! Not for bytes of clients: the reader has no limits, and starts partial frames over.

use super::Protocol;
use redis_protocol::{resp2, resp3};

pub use redis_protocol::error::RedisProtocolError as ReplyError;
pub use redis_protocol::resp3::types::OwnedFrame as Frame;

/// The first reply in `bytes` and its length, or `None` when it has not arrived as a whole.
///
/// RESP2 replies are given as the RESP3 frames that mean the same.
pub fn decode_reply(bytes: &[u8], protocol: Protocol) -> Result<Option<(Frame, usize)>, ReplyError> {
    match protocol {
        Protocol::Resp2 => Ok(resp2::decode::decode(bytes)?.map(|(frame, len)| (frame.into_resp3(), len))),
        Protocol::Resp3 => resp3::decode::complete::decode(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Reply;

    #[test]
    fn what_was_written_is_read_back() {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let mut reply = Reply::new(protocol);
            reply.array(4);
            reply.int(-7);
            reply.bulk(b"\r\n");
            reply.null();
            reply.array(0);
            let bytes = reply.to_vec();

            let (frame, len) = decode_reply(&bytes, protocol).unwrap().unwrap();
            assert_eq!(len, bytes.len());
            let attributes = None;
            let data = vec![
                Frame::Number { data: -7, attributes: None },
                Frame::BlobString { data: b"\r\n".to_vec(), attributes: None },
                Frame::Null,
                Frame::Array { data: vec![], attributes: None },
            ];
            assert_eq!(frame, Frame::Array { data, attributes });
            for end in 0..len {
                assert_eq!(decode_reply(&bytes[..end], protocol).unwrap(), None);
            }
            assert!(decode_reply(b"?\r\n", protocol).is_err());
        }
    }
}
