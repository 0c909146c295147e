//! A .deb file: an ar container with two compressed tars, deb(5).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use kindling_base::{Context, Error, Result, files};

use crate::ar;

/// A tar of a .deb, decompressed while it is read.
pub type TarReader = tar::Archive<Box<dyn Read + Send>>;

/// The tar with the control file and the maintainer scripts.
///
/// # Errors
/// The file cannot be read or is not a sound .deb.
pub fn open_control(deb: &Path) -> Result<TarReader> {
    open_tar(deb, "control.tar")
}

/// The tar with the files of the package.
///
/// # Errors
/// The file cannot be read or is not a sound .deb.
pub fn open_data(deb: &Path) -> Result<TarReader> {
    open_tar(deb, "data.tar")
}

/// Writes the content of one regular file of the package, such as `usr/src/linux-source-6.1.tar.xz`,
/// to `into` and returns its length in bytes.
///
/// # Errors
/// The .deb is unsound or has no such file; `into` cannot be written.
pub fn extract_file(deb: &Path, member: &str, into: &mut dyn Write) -> Result<u64> {
    extract_first(deb, &[member], into)
}

/// Writes the content of the first regular file of the package that is one of `members`, as [`extract_file`] does.
///
/// # Errors
/// The .deb is unsound or has none of them; `into` cannot be written.
pub fn extract_first(deb: &Path, members: &[&str], into: &mut dyn Write) -> Result<u64> {
    let mut data = open_data(deb)?;
    for entry in data.entries().map_err(|error| unsound(deb, error))? {
        let mut entry = entry.map_err(|error| unsound(deb, error))?;
        let path = entry.path_bytes();
        let inner = path.strip_prefix(b"./").unwrap_or(&path);
        let found = members.iter().find(|member| member.as_bytes() == inner);
        if let Some(member) = found
            && entry.header().entry_type().is_file()
        {
            return copy(&mut entry, into, deb, member);
        }
    }
    Err(Error::user(format!(
        "{} has no file `{}`",
        deb.display(),
        members.join("` or `")
    )))
}

/// Tells a reader's failure, which is the .deb's fault, from a writer's.
fn copy(from: &mut dyn Read, into: &mut dyn Write, deb: &Path, member: &str) -> Result<u64> {
    let mut buffer = vec![0; 128 << 10];
    let mut total = 0;
    loop {
        let read = from
            .read(&mut buffer)
            .map_err(|error| unsound(deb, error))?;
        if read == 0 {
            return Ok(total);
        }
        into.write_all(&buffer[..read])
            .context(format!("cannot write `{member}` of {}", deb.display()))?;
        total += read as u64;
    }
}

fn open_tar(deb: &Path, stem: &str) -> Result<TarReader> {
    let mut file = files::open(deb)?;
    let member = find(&mut file, stem).map_err(|error| unsound(deb, error))?;
    file.seek(SeekFrom::Start(member.offset))
        .context(format!("cannot read {}", deb.display()))?;
    let raw = BufReader::with_capacity(128 << 10, file.take(member.length));
    let reader: Box<dyn Read + Send> = match &member.name[stem.len()..] {
        "" => Box::new(raw),
        ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
        ".xz" => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(raw)),
        ".zst" => Box::new(
            zstd::stream::read::Decoder::with_buffer(raw).map_err(|error| unsound(deb, error))?,
        ),
        other => {
            return Err(Error::user(format!(
                "{} compresses `{stem}` in a way that is not supported: `{other}`",
                deb.display()
            ))
            .note("supported: none, .gz, .xz, .zst"));
        }
    };
    Ok(tar::Archive::new(reader))
}

/// The member whose name begins with `stem`, in a container of format 2.x.
fn find(file: &mut File, stem: &str) -> io::Result<ar::Member> {
    let members = ar::members(file)?;
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let format = members
        .first()
        .filter(|member| member.name == "debian-binary" && member.length >= 2)
        .ok_or_else(|| invalid("its first member is not `debian-binary`".into()))?;
    let mut version = [0; 2];
    file.seek(SeekFrom::Start(format.offset))?;
    file.read_exact(&mut version)?;
    if &version != b"2." {
        return Err(invalid("its format is not 2.x".into()));
    }
    members
        .into_iter()
        .find(|member| {
            let suffix = member.name.strip_prefix(stem);
            suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('.'))
        })
        .ok_or_else(|| invalid(format!("it has no member `{stem}`")))
}

/// The error for a .deb that does not hold what it should.
pub fn unsound(deb: &Path, error: io::Error) -> Error {
    Error::external(format!("{} is no sound .deb", deb.display()))
        .because(error)
        .hint("remove the file so that it is downloaded again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ar::tests::ar;
    use proptest::prelude::*;
    use std::path::PathBuf;

    /// An uncompressed tar with one regular file.
    fn tar_of(path: &str, content: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, content).unwrap();
        builder.into_inner().unwrap()
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn write(folder: &Path, bytes: &[u8]) -> PathBuf {
        let path = folder.join("x.deb");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn deb(suffix: &str, data: &[u8]) -> Vec<u8> {
        let control = tar_of("control", b"Package: x\n");
        ar(&[
            ("debian-binary", b"2.0\n"),
            ("control.tar", &control),
            (&format!("data.tar{suffix}"), data),
        ])
    }

    #[test]
    fn a_file_is_extracted_whatever_the_compression() {
        let folder = tempfile::tempdir().unwrap();
        let tar = tar_of("./usr/src/x.tar", b"content");
        let zst = zstd::encode_all(tar.as_slice(), 1).unwrap();
        for (suffix, data) in [
            ("", tar.clone()),
            (".gz", gz(&tar)),
            (".xz", xz(&tar)),
            (".zst", zst),
        ] {
            let path = write(folder.path(), &deb(suffix, &data));
            let mut out = Vec::new();
            let length = extract_file(&path, "usr/src/x.tar", &mut out).unwrap();
            assert_eq!(
                (length, out.as_slice()),
                (7, b"content".as_slice()),
                "{suffix}"
            );
            let error = extract_file(&path, "usr/src/y.tar", &mut Vec::new()).unwrap_err();
            assert!(
                error
                    .to_string()
                    .ends_with("x.deb has no file `usr/src/y.tar`")
            );
        }
        let path = write(folder.path(), &deb(".lz", b""));
        let error = extract_file(&path, "x", &mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().contains("not supported: `.lz`"),
            "{error}"
        );
    }

    fn extract(bytes: &[u8]) -> Result<u64> {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), bytes);
        extract_file(&path, "f", &mut io::sink())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_deb_cut_short_is_an_error_that_names_it(content in prop::collection::vec(any::<u8>(), 1..2000), at in 0.0f64..1.0) {
            let whole = deb(".xz", &xz(&tar_of("f", &content)));
            prop_assert_eq!(extract(&whole).unwrap(), content.len() as u64);
            let cut = (whole.len() as f64 * at) as usize;
            // The last byte may be ar's padding.
            if cut + 1 < whole.len() {
                let error = extract(&whole[..cut]).unwrap_err();
                prop_assert!(error.report().contains("x.deb"), "{}", error.report());
            }
        }

        #[test]
        fn any_compressed_bytes_are_read_without_a_panic(data in prop::collection::vec(any::<u8>(), 0..600), kind in 0usize..4) {
            let data = match kind { 1 => gz(&data), 2 => xz(&data), _ => data };
            let _ = extract(&deb(["", ".gz", ".xz", ".zst"][kind], &data));
        }
    }
}
