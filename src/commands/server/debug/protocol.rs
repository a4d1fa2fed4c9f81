//! DEBUG PROTOCOL: a value of each type, for tests of clients.

use crate::command::{Error, Result, Sweep};
use bytes::Bytes;

/// Answers the value of a type.
pub(super) fn answer(cx: &mut Sweep<'_, '_>, kind: &[u8]) -> Result {
    let resp3 = cx.reply.is_resp3();
    let reply = &mut *cx.reply;
    match kind {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.int(12345),
        #[expect(clippy::approx_constant, reason = "what Redis answers, and its tests expect")]
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" | b"set" => {
            if kind == b"set" {
                reply.set(3)
            } else {
                reply.array(3)
            }
            (0..3).for_each(|n| reply.int(n));
        }
        b"map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        b"bignum" if resp3 => reply.raw(b"(1234567999999999999999999999999999999\r\n"),
        b"bignum" => reply.bulk(b"1234567999999999999999999999999999999"),
        b"attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !resp3 => return Err(Error::new("ERR RESP2 is not supported by this command")),
        b"push" => {
            // What is pushed within a call comes behind its reply, or that of its transaction.
            cx.session.client.outbox.push(Bytes::from_static(b">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n"));
            reply.bulk(b"Some real reply following the push reply");
        }
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim(*b"txt", b"This is a verbatim\nstring"),
        _ => {
            return Err(Error::new(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
