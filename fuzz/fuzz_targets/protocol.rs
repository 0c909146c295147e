//! Any bytes, cut anywhere: the decoder returns, and a greeting behind them is found.
#![no_main]

use kindling_protocol::{Decoder, Event, Hello, MAGIC, Note, Reply, Request, Role};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Vec<u8>, u8)| {
    let (bytes, step) = input;
    let mut decoder = Decoder::new();
    for piece in bytes.chunks(usize::from(step).max(1)) {
        decoder.feed(piece);
        while let Some(event) = decoder.next() {
            if let Event::Frame(frame) = event {
                let _ = serde_json::from_slice::<Request>(&frame.payload);
                let _ = serde_json::from_slice::<Reply>(&frame.payload);
                let _ = serde_json::from_slice::<Note>(&frame.payload);
            }
        }
    }
    // Unless a magic of the input's own swallows its first bytes, as no peer writes one.
    let hello = Hello::new(Role::Host, 7);
    decoder.feed(&[0; 40]);
    decoder.feed(&hello.encode());
    let mut last = None;
    while let Some(event) = decoder.next() {
        last = Some(event);
    }
    assert!(
        bytes.windows(MAGIC.len()).filter(|w| **w == MAGIC).count() > 1
            || last == Some(Event::Hello(hello))
    );
});
