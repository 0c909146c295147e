//! Files over HTTP: noVNC's pages, scripts and pictures.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::path;
use crate::http::request::Request;
use crate::http::response::{self, Response, Status};

/// Media types (IANA's) by the ends of names.
const TYPES: [(&str, &str); 14] = [
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("oga", "audio/ogg"),
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
];
const UNKNOWN: &str = "application/octet-stream";

/// The folder that is served.
#[derive(Debug)]
pub(super) struct Pages {
    folder: PathBuf,
    /// Hash of the image: files of two images may have the same length and time.
    image: String,
}

impl Pages {
    pub(super) fn new(folder: &Path, image: String) -> Self {
        Self {
            folder: folder.to_owned(),
            image,
        }
    }

    /// Answers a request for a file.
    ///
    /// # Errors
    /// The client has gone, or the file cannot be read to its end.
    pub(super) fn answer(&self, request: &Request, client: &mut impl Write) -> io::Result<()> {
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            let message = format!(
                "pages are asked for by GET and HEAD, not by {}",
                request.method
            );
            let mut refusal = Response::error(Status::MethodNotAllowed, message);
            refusal.allow = Some("GET, HEAD");
            return refusal.write(false, client);
        }
        let head_only = request.method == "HEAD";
        let Some((path, file, meta)) = self.open(&request.path) else {
            let message = format!("there is no page {}", request.path);
            return Response::error(Status::NotFound, message).write(head_only, client);
        };
        // Quoted, and of what a hash and numbers have: RFC 9110, section 8.8.3.
        let image = self.image.get(..16).unwrap_or_default();
        let tag = format!("\"{image}-{:x}-{:x}\"", meta.len(), meta.mtime());
        // Asked for anew each time, answered in a word where it is the same: an image may be replaced by a newer one.
        let cached = [("ETag", tag.as_str()), ("Cache-Control", "no-cache")];
        if request.lists("if-none-match", &tag) {
            return client.write_all(response::head(Status::NotModified, &cached).as_bytes());
        }
        let length = meta.len().to_string();
        let content = [
            ("Content-Type", media_type(&path)),
            ("Content-Length", &length),
        ];
        let head = response::head(Status::Ok, &[content, cached].concat());
        client.write_all(head.as_bytes())?;
        if head_only {
            return Ok(());
        }
        // One that became longer meanwhile is cut; of one that became shorter, the client sees that bytes are missing.
        let copied = io::copy(&mut file.take(meta.len()), client)?;
        if copied < meta.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// The regular file that a path means; other things are none.
    fn open(&self, path: &str) -> Option<(PathBuf, File, std::fs::Metadata)> {
        let path = path::file(&self.folder, path)?;
        let file = File::open(&path).ok()?;
        let meta = file.metadata().ok()?;
        meta.is_file().then_some((path, file, meta))
    }
}

fn media_type(path: &Path) -> &'static str {
    let end = path
        .extension()
        .and_then(|end| end.to_str())
        .unwrap_or_default();
    let known = TYPES
        .iter()
        .find(|(known, _)| end.eq_ignore_ascii_case(known));
    known.map_or(UNKNOWN, |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(pages: &Pages, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        let request = Request {
            method: method.into(),
            path: path.into(),
            headers: headers.collect(),
            ..Request::default()
        };
        let mut answer = Vec::new();
        pages.answer(&request, &mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn pages_have_type_length_and_tag() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("app")).unwrap();
        for (name, text) in [("index.html", "<p>"), ("app/ui.js", "1;"), ("x.bin", "?")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let pages = Pages::new(folder.path(), "0123456789abcdef0123".into());
        let index = get(&pages, "GET", "/", &[]);
        assert!(
            index.starts_with(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 3\r\n"
            ),
            "{index}"
        );
        assert!(index.ends_with("\r\n\r\n<p>"), "{index}");
        let head = get(&pages, "HEAD", "/", &[]);
        assert_eq!(head, index.strip_suffix("<p>").unwrap());
        assert!(get(&pages, "GET", "/app/ui.js", &[]).contains("text/javascript"));
        assert!(get(&pages, "GET", "/x.bin", &[]).contains(UNKNOWN));

        let tag = index
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        assert!(tag.starts_with("\"0123456789abcdef-3-"), "{tag}");
        let same = get(
            &pages,
            "GET",
            "/",
            &[("if-none-match", &format!("\"x\", {tag}"))],
        );
        assert!(
            same.starts_with("HTTP/1.1 304 Not Modified\r\nETag: ") && same.ends_with("\r\n\r\n"),
            "{same}"
        );
        assert_eq!(
            get(&pages, "GET", "/", &[("if-none-match", "\"x\"")]),
            index
        );

        for path in [
            "/app",
            "/app/",
            "/nowhere",
            "/../index.html",
            "/%2e%2e/etc/passwd",
        ] {
            let answer = get(&pages, "GET", path, &[]);
            assert!(
                answer.starts_with("HTTP/1.1 404 Not Found\r\n"),
                "{path}: {answer}"
            );
        }
        let posted = get(&pages, "POST", "/", &[]);
        assert!(
            posted.starts_with("HTTP/1.1 405 ") && posted.contains("Allow: GET, HEAD\r\n"),
            "{posted}"
        );
    }
}
