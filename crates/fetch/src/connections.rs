//! The connections of the client: trusted certificates, proxies, time limits, and how many stay open.

use std::path::PathBuf;
use std::time::Duration;

use kindling_base::{Error, Result, files};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Proxy};

use crate::names::Names;

/// Files fetched at a time: enough to hide a server's latency, few enough to be polite to it.
pub const AT_ONCE: usize = 8;

/// Longest wait for a connection, and for each piece of an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bundles of trusted certificates, where Debian and Fedora keep them.
const CERTIFICATES: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// Hosts of this machine, which a proxy cannot reach for us.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The HTTP library's agent for `https` addresses if `secure`, else for `http` ones, set up from the environment.
///
/// # Errors
/// The environment names a malformed proxy, or the machine has no trusted certificates.
pub(crate) fn agent(secure: bool) -> Result<Agent> {
    // The upper-case HTTP_PROXY is honoured too: no request of a CGI client can set it here.
    let variables = if secure {
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("kindling/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(TIMEOUT))
        .timeout_recv_response(Some(TIMEOUT))
        .timeout_per_read(Some(TIMEOUT))
        // The connection of each thread waits for the next file; the default would close five of eight.
        .max_idle_connections(2 * AT_ONCE)
        .max_idle_connections_per_host(AT_ONCE)
        .proxy(proxy(&variables)?);
    if secure {
        let roots = RootCerts::new_with_certs(&trusted_certificates()?);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    Ok(Agent::with_parts(
        config.build(),
        DefaultConnector::default(),
        <Names>::default(),
    ))
}

/// The proxy that the environment names in one of `variables`, with the exceptions of `no_proxy`.
fn proxy(variables: &[&str]) -> Result<Option<Proxy>> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some((name, value)) = variables.iter().find_map(|name| Some((name, set(name)?))) else {
        return Ok(None);
    };
    let bad = |error: ureq::Error| {
        Error::user(format!("{name}={value} names no usable proxy"))
            .because(error)
            .hint("write it as http://HOST:PORT, or unset it")
    };
    let parsed = Proxy::new(&value).map_err(bad)?;
    let mut builder = Proxy::builder(parsed.protocol())
        .host(parsed.host())
        .port(parsed.port());
    if let Some(user) = parsed.username() {
        builder = builder.username(user);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    let exceptions = set("no_proxy")
        .or_else(|| set("NO_PROXY"))
        .unwrap_or_default();
    let named = exceptions
        .split(',')
        .map(str::trim)
        .filter(|h| !h.is_empty());
    for host in named.chain(LOOPBACK) {
        builder = builder.no_proxy(host);
    }
    builder.build().map(Some).map_err(bad)
}

/// The certificates that the machine trusts: `$SSL_CERT_FILE`, or the distribution's bundle.
fn trusted_certificates() -> Result<Vec<ureq::tls::Certificate<'static>>> {
    let bundle = std::env::var_os("SSL_CERT_FILE")
        .map(PathBuf::from)
        .or_else(|| CERTIFICATES.iter().map(PathBuf::from).find(|p| p.exists()))
        .ok_or_else(|| {
            Error::user("no trusted certificates for https are on this machine")
                .note(format!("looked for {}", CERTIFICATES.join(" and ")))
                .hint("install the package `ca-certificates`, or set SSL_CERT_FILE")
        })?;
    Ok(parse_pem(&files::read(&bundle)?)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None, // one unreadable certificate of the bundle must not hide the others
        })
        .collect())
}
