//! Decodes a merged tree into a recipe.

use std::path::Path;

use super::extends::Resolved;
use super::lint::lint;
use super::name::{
    COMMENT, FINGERPRINT, HOSTNAME, LINE, NPM, PACKAGE, PATH, PLAIN, SHA256, TEXT, URL, USER,
    VARIABLE,
};
use super::reader::Reader;
use super::{
    Exclusion, Image, Initramfs, KernelSource, KernelSpec, NpmSpec, Ready, Recipe, RootfsSpec,
    User, VendorArchive, Vm, cmdline,
};
use kindling_located::{Located, Problem};

/// `None` only if a mistake was added to `problems`.
pub(super) fn decode(
    path: &Path,
    resolved: Resolved,
    problems: &mut Vec<Problem>,
) -> Option<Recipe> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if !(PLAIN.accepts)(&stem) {
        let message = format!("a recipe cannot be called `{}`", stem.escape_debug());
        problems.push(Problem::new(&resolved.start, message, PLAIN.words));
    }
    let mut reader = Reader::new("", resolved.start, resolved.table, problems);
    let image = reader.table("image", image);
    let kernel = reader.table("kernel", kernel);
    // A kernel with a mistake may be meant to be one.
    let stock = kernel
        .as_ref()
        .is_none_or(|kernel| matches!(kernel.source, KernelSource::Image(_)));
    let initramfs = reader.table("initramfs", |reader| initramfs(reader, stock));
    let rootfs = reader.table("rootfs", rootfs);
    let npm = reader.table("npm", npm);
    let vm = reader.table("vm", vm);
    let ready = reader.table("ready", ready);
    let lint = reader.table("lint", lint);
    if let Some(kernel) = &kernel {
        for problem in cmdline::check(&kernel.cmdline, initramfs) {
            reader.problem(problem);
        }
    }
    reader.finish();
    Some(Recipe {
        name: stem.into_owned(),
        path: path.to_owned(),
        inputs: resolved.inputs,
        image: image?,
        kernel: kernel?,
        initramfs: initramfs?,
        rootfs: rootfs?,
        npm: npm?,
        vm: vm?,
        ready: ready?,
        lint: lint?,
    })
}

fn image(mut reader: Reader<'_>) -> Option<Image> {
    let description = reader.required("description", "\"what this image is for\"", |r, key| {
        r.string(key, &LINE)
    });
    let distribution =
        reader.required("distribution", "\"debian\"", |r, key| r.string(key, &PLAIN));
    let architecture = reader.or("architecture", "amd64", |r, key| {
        r.one_of(key, &[("amd64", "amd64")])
    });
    let epoch = reader.required("epoch", "2026-11-01T00:00:00Z", Reader::instant);
    let hostname = reader.required("hostname", "\"kindling\"", |r, key| {
        r.string(key, &HOSTNAME)
    });
    reader.finish();
    Some(Image {
        description: description?.value,
        distribution: distribution?,
        architecture: architecture?.to_owned(),
        epoch_s: epoch?,
        hostname: hostname?.value,
    })
}

fn kernel(mut reader: Reader<'_>) -> Option<KernelSpec> {
    let is_stock = reader.has("image");
    let image = reader.string("image", &PACKAGE);
    if is_stock {
        return stock_kernel(reader, image);
    }
    let has = ["package", "url", "sha256"].map(|key| reader.has(key));
    let package = reader.string("package", &PACKAGE);
    let url = reader.string("url", &URL);
    let sha256 = reader.string("sha256", &SHA256);
    let source = match has {
        [true, false, false] => package.map(KernelSource::Package),
        [false, true, true] => {
            let both = url.zip(sha256);
            both.map(|(url, sha256)| KernelSource::Url { url, sha256 })
        }
        _ => {
            no_one_source(&mut reader, has, package, url, sha256);
            None
        }
    };
    let fragments = reader.required("fragments", "[\"base\", \"virtio\"]", |r, key| {
        r.list(key, &PLAIN, 1)
    });
    let cmdline = cmdline_of(&mut reader);
    reader.finish();
    Some(KernelSpec {
        source: source?,
        fragments: fragments?,
        cmdline: cmdline?,
    })
}

fn cmdline_of(reader: &mut Reader<'_>) -> Option<Located<String>> {
    let example = "\"console=ttyS0 root=/dev/vda rw\"";
    reader.required("cmdline", example, |r, key| r.string(key, &LINE))
}

/// A kernel that is built already.
fn stock_kernel(mut reader: Reader<'_>, image: Option<Located<String>>) -> Option<KernelSpec> {
    for key in ["package", "url", "sha256", "fragments"] {
        if let Some(at) = reader.remove(key) {
            let message = format!("a kernel from `image` is built already: it has no `{key}`");
            let hint = "remove `image` to build a kernel, or this key to take one as it is";
            reader.problem(Problem::new(&at, message, hint));
        }
    }
    let cmdline = cmdline_of(&mut reader);
    reader.finish();
    Some(KernelSpec {
        source: KernelSource::Image(image?),
        fragments: Vec::new(),
        cmdline: cmdline?,
    })
}

/// Says what is wrong with the keys that name the kernel's source.
fn no_one_source(
    reader: &mut Reader<'_>,
    has: [bool; 3],
    package: Option<Located<String>>,
    url: Option<Located<String>>,
    sha256: Option<Located<String>>,
) {
    let either = "name the source by `package` alone, or by `url` and `sha256`; or a built kernel by `image`";
    let (at, message) = match has {
        [false, false, false] => (None, "[kernel] does not say where the source comes from"),
        [true, true, _] => (
            url,
            "a kernel from a package cannot come from a URL as well",
        ),
        [true, false, _] => (
            sha256,
            "`sha256` belongs to a `url`, and this kernel is from a package",
        ),
        [false, true, _] => (url, "`url` needs the tarball's `sha256` beside it"),
        [false, false, true] => (sha256, "`sha256` without the `url` of the tarball"),
    };
    let at = at
        .or(package)
        .map_or_else(|| reader.at().clone(), |value| value.at);
    reader.problem(Problem::new(&at, message, either));
}

fn initramfs(mut reader: Reader<'_>, stock: bool) -> Option<Initramfs> {
    let modes = [
        ("minimal", Initramfs::Minimal),
        ("distribution", Initramfs::Distribution),
        ("none", Initramfs::None),
    ];
    let mode = reader.or("mode", Initramfs::Minimal, |r, key| r.one_of(key, &modes));
    if mode == Some(Initramfs::Distribution) && !stock {
        let message = "a distribution's initramfs is for a kernel of the distribution";
        let hint =
            "name one: kernel.image = \"linux-image-cloud-amd64\"; or say mode = \"minimal\"";
        reader.problem(Problem::new(&reader.at().clone(), message, hint));
    }
    reader.finish();
    mode
}

fn rootfs(mut reader: Reader<'_>) -> Option<RootfsSpec> {
    let suites = reader.required("suites", "[\"bookworm\"]", |r, key| r.list(key, &PLAIN, 1));
    let components = reader.required("components", "[\"main\"]", |r, key| r.list(key, &PLAIN, 1));
    let keyring = reader.required("keyring", "\"debian-12\"", |r, key| r.string(key, &PLAIN));
    let keys = reader.or("keys", Vec::new(), |r, key| r.list(key, &FINGERPRINT, 0));
    let archives = reader.or("archives", Vec::new(), |r, key| {
        r.tables(key, "rootfs.archives", archive)
    });
    let packages = reader.required("packages", "[\"systemd-sysv\"]", |r, key| {
        r.list(key, &PACKAGE, 1)
    });
    let recommends = reader.or("recommends", false, Reader::boolean);
    let programs = reader.or("programs", Vec::new(), |r, key| r.list(key, &PLAIN, 0));
    let exclude = reader.or("exclude", Vec::new(), |r, key| {
        r.tables(key, "rootfs.exclude", exclusion)
    });
    let users = reader.or("users", Vec::new(), |r, key| {
        r.tables(key, "rootfs.users", user)
    });
    let overlays = reader.or("overlays", Vec::new(), |r, key| r.list(key, &PLAIN, 0));
    let agent = reader.or("agent", false, Reader::boolean);
    // 16 TiB is what ext4 can hold in 4 KiB blocks with 32-bit numbers.
    let free_mib = reader.or("free_mib", 256, |r, key| {
        r.integer(key, 0..=16 << 20, " MiB")
    });
    let variables = reader.table("variables", |r| Some(r.strings(&VARIABLE, &TEXT)));
    let mirrors = reader.table("mirrors", |r| Some(r.strings(&PLAIN, &URL)));
    reader.finish();
    let variables = variables?.into_iter();
    Some(RootfsSpec {
        suites: suites?,
        components: components?,
        keyring: keyring?,
        keys: values(keys?),
        archives: archives?,
        packages: packages?,
        recommends: recommends?,
        programs: programs?,
        exclude: exclude?,
        users: users?,
        overlays: overlays?,
        agent: agent?,
        free_mib: free_mib?,
        variables: variables.map(|(key, text)| (key, text.value)).collect(),
        mirrors: mirrors?,
    })
}

fn exclusion(mut reader: Reader<'_>) -> Option<Exclusion> {
    let paths = reader.required("paths", "[\"/usr/share/man/*\"]", |r, key| {
        r.list(key, &PATH, 1)
    });
    let keep = reader.or("keep", Vec::new(), |r, key| r.list(key, &PATH, 0));
    let reason = reader.required("reason", "\"why nobody misses them\"", |r, key| {
        r.string(key, &LINE)
    });
    reader.finish();
    Some(Exclusion {
        paths: values(paths?),
        keep: values(keep?),
        reason: reason?.value,
    })
}

fn user(mut reader: Reader<'_>) -> Option<User> {
    let name = reader.required("name", "\"desktop\"", |r, key| r.string(key, &USER));
    // 0 is root; 65534 and 65535 are nobody and the invalid number.
    let uid = reader.required("uid", "1000", |r, key| r.integer(key, 1..=65_533, ""));
    let comment = reader.required("comment", "\"who or what it is for\"", |r, key| {
        r.string(key, &COMMENT)
    });
    let has_home = reader.has("home");
    let home = reader.string("home", &PATH);
    let shell = reader.or("shell", None, |r, key| r.string(key, &PATH).map(Some));
    let groups = reader.or("groups", Vec::new(), |r, key| r.list(key, &USER, 0));
    reader.finish();
    if has_home && home.is_none() {
        return None;
    }
    Some(User {
        name: name?.value,
        uid: uid?,
        comment: comment?.value,
        home: home.map(|home| home.value),
        shell: shell?.map_or_else(|| "/usr/sbin/nologin".to_owned(), |shell| shell.value),
        groups: values(groups?),
    })
}

fn values(located: Vec<Located<String>>) -> Vec<String> {
    located.into_iter().map(|text| text.value).collect()
}

fn archive(mut reader: Reader<'_>) -> Option<VendorArchive> {
    let name = reader.required("name", "\"google-chrome\"", |r, key| r.string(key, &PLAIN));
    let suites = reader.required("suites", "[\"stable\"]", |r, key| r.list(key, &PLAIN, 1));
    let components = reader.required("components", "[\"main\"]", |r, key| r.list(key, &PLAIN, 1));
    let keyring = reader.required("keyring", "\"google-chrome\"", |r, key| {
        r.string(key, &PLAIN)
    });
    let keys = reader.or("keys", Vec::new(), |r, key| r.list(key, &FINGERPRINT, 0));
    reader.finish();
    Some(VendorArchive {
        name: name?.value,
        suites: suites?,
        components: components?,
        keyring: keyring?,
        keys: values(keys?),
    })
}

fn npm(mut reader: Reader<'_>) -> Option<NpmSpec> {
    let packages = reader.or("packages", Vec::new(), |r, key| r.list(key, &NPM, 0));
    let name = |item: &Located<String>| kindling_npm::split_name(&item.value).0.to_owned();
    for (at, package) in packages.iter().flatten().enumerate() {
        let name_of = name(package);
        let mut earlier = packages.iter().flatten().take(at);
        // The same text twice is told already.
        if earlier.any(|other| name(other) == name_of && other.value != package.value) {
            let message = format!("the package `{name_of}` of npm is asked for twice");
            let hint = format!("remove one; what a parent recipe lists is removed by `-{name_of}`");
            reader.problem(Problem::new(&package.at, message, hint));
        }
    }
    reader.finish();
    Some(NpmSpec {
        packages: packages?,
    })
}

fn vm(mut reader: Reader<'_>) -> Option<Vm> {
    // 32 is what Firecracker allows (MAX_SUPPORTED_VCPUS); QEMU's microvm takes more.
    let vcpus = reader.or("vcpus", 2, |r, key| r.integer(key, 1..=32, ""));
    // Below 64 MiB systemd is killed for want of memory before it is up; 1 TiB is past any host of ours.
    let memory_mib = reader.or("memory_mib", 512, |r, key| {
        r.integer(key, 64..=1 << 20, " MiB")
    });
    let network = reader.or("network", true, Reader::boolean);
    reader.finish();
    Some(Vm {
        vcpus: vcpus?,
        memory_mib: memory_mib?,
        network: network?,
    })
}

fn ready(mut reader: Reader<'_>) -> Option<Ready> {
    let marker = reader.required("marker", "\"kindling: ready\"", |r, key| {
        r.string(key, &LINE)
    });
    let timeout_s = reader.or("timeout_s", 180, |r, key| {
        r.integer(key, 1..=86_400, " seconds")
    });
    reader.finish();
    Some(Ready {
        marker: marker?.value,
        timeout_s: timeout_s?,
    })
}
