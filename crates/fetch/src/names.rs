//! Addresses of servers, remembered: the HTTP library asks for one with each file, also where a connection waits for it.
//!
//! Name servers answer in milliseconds, or limit how much one machine asks: 124 packages then took 20 s of waiting.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How long an answer is good for: longer than most downloads take, short enough to follow a server that moves.
const FRESH: Duration = Duration::from_secs(60);

/// The system's resolver, with a memory.
#[derive(Debug, Default)]
pub(crate) struct Names<R = DefaultResolver> {
    system: R,
    /// By scheme and authority.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
struct Known {
    addresses: ResolvedSocketAddrs,
    since: Instant,
}

impl<R: Resolver> Resolver for Names<R> {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
        let server = part(uri.scheme_str()) + "://" + &part(uri.authority().map(|a| a.as_str()));
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&server)
            && known.since.elapsed() < FRESH
        {
            return Ok(known.addresses.clone());
        }
        // Not under the lock: another server's answer may be slow.
        let addresses = self.system.resolve(uri, config, timeout)?;
        let known = Known {
            addresses: addresses.clone(),
            since: Instant::now(),
        };
        lock().insert(server, known);
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Answers with another address each time, and the third time not at all.
    #[derive(Debug, Default)]
    struct Counting(AtomicU8);

    impl Resolver for Counting {
        fn resolve(
            &self,
            _: &Uri,
            _: &Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            let count = self.0.fetch_add(1, Ordering::Relaxed);
            if count == 2 {
                return Err(ureq::Error::HostNotFound);
            }
            let mut addresses = self.empty();
            addresses.push(([127, 0, 0, count], 80).into());
            Ok(addresses)
        }
    }

    #[test]
    fn a_server_is_asked_for_once_and_a_failure_is_not_kept() {
        let names = Names::<Counting>::default();
        let address = |uri: &'static str| {
            let uri = Uri::from_static(uri);
            let found = names.resolve(&uri, &Config::default(), NextTimeout::default());
            found.map(|addresses| addresses[0].ip().to_string()).ok()
        };
        assert_eq!(address("http://a.example/x").unwrap(), "127.0.0.0");
        assert_eq!(address("http://b.example/x").unwrap(), "127.0.0.1");
        assert_eq!(address("http://a.example/y").unwrap(), "127.0.0.0");
        assert_eq!(address("https://a.example/x"), None, "another port");
        assert_eq!(address("https://a.example/x").unwrap(), "127.0.0.3");
        assert_eq!(address("https://a.example/y").unwrap(), "127.0.0.3");
    }
}
