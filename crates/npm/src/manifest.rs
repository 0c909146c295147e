//! The manifest of one version of a package, as a registry or a `package.json` has it.

use std::collections::BTreeMap;

use kindling_npm_tree::package_json::{commands, object, texts};
use kindling_npm_tree::{integrity, usual_tarball};
use nodejs_semver::{Range, Version};
use serde_json::Value;

use crate::platform::Platforms;

/// One version of a package.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) deprecated: bool,
    /// By folder name; what is in the tarball already is left out.
    pub(crate) needs: BTreeMap<String, Need>,
    pub(crate) platforms: Platforms,
    /// Versions of Node.js that it runs on.
    pub(crate) node: Option<String>,
    /// Names of its commands.
    pub(crate) commands: Vec<String>,
    /// `sha512-BASE64`, where the registry has it.
    pub(crate) integrity: Option<String>,
    /// Path of the tarball below the registry, where it is not the usual one.
    pub(crate) tarball: Option<String>,
}

/// A dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) kind: NeedKind,
    /// As `package.json` says it.
    pub(crate) text: String,
}

/// How much a dependency is needed, and where it must be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NeedKind {
    Required,
    /// It may be missing: it is for another platform, or cannot be had.
    Optional,
    /// Beside the package, shared with what depends on it.
    Peer,
    /// If it is there, then in this version.
    PeerOptional,
}

impl Manifest {
    /// Reads one version of a packument. Old packages have all sorts of things in their fields: what is not as it should
    /// be counts as not there. `None` if it has no name or version.
    ///
    /// `registry` is the address of the registry, to which paths of tarballs are relative.
    pub(crate) fn read(value: &Value, registry: &str) -> Option<Self> {
        let name = value.get("name")?.as_str()?.to_owned();
        let version = Version::parse(value.get("version")?.as_str()?).ok()?;
        let dist = value.get("dist").unwrap_or(&Value::Null);
        let text = |key: &str| dist.get(key).and_then(Value::as_str);
        let tarball = text("tarball").and_then(|url| {
            let path = tarball_path(url, registry)?;
            (path != usual_tarball(&name, &version.to_string())).then_some(path)
        });
        Some(Self {
            deprecated: value.get("deprecated").is_some_and(|d| {
                *d != Value::Bool(false) && *d != Value::Null && *d != Value::String(String::new())
            }),
            needs: needs(value),
            platforms: Platforms {
                os: texts(value.get("os")),
                cpu: texts(value.get("cpu")),
                libc: texts(value.get("libc")),
            },
            node: node(value),
            commands: commands(value, &name).into_keys().collect(),
            integrity: text("integrity").and_then(integrity::sha512),
            tarball,
            name,
            version,
        })
    }

    /// Whether it runs on this Node.js, by its own word; true if it is silent or unreadable.
    pub(crate) fn runs_on(&self, node: Option<&Version>) -> bool {
        match (node, &self.node) {
            (Some(node), Some(range)) => runs_on(range, node),
            _ => true,
        }
    }
}

/// Whether `engines.node` admits a version of Node.js; true if the text is not a range.
pub fn runs_on(range: &str, node: &Version) -> bool {
    // npm counts a pre-release of Node.js as that release (`includePrerelease`).
    Range::parse(range).map_or(true, |range| range.satisfies_with_prerelease(node, true))
}

/// `engines.node`.
fn node(value: &Value) -> Option<String> {
    let text = value.get("engines")?.get("node")?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The dependencies that have to be installed. Later kinds win over earlier ones of the same name, as in npm.
pub(crate) fn needs(value: &Value) -> BTreeMap<String, Need> {
    let mut needs = BTreeMap::new();
    let mut add = |field: &str, kind: &dyn Fn(&str) -> NeedKind| {
        for (name, text) in object(value.get(field)) {
            if let Some(text) = text.as_str() {
                let need = Need {
                    kind: kind(name),
                    text: text.to_owned(),
                };
                needs.insert(name.clone(), need);
            }
        }
    };
    let meta = value.get("peerDependenciesMeta");
    let optional = |name: &str| meta.and_then(|meta| meta.get(name)?.get("optional")?.as_bool());
    add("peerDependencies", &|name| match optional(name) {
        Some(true) => NeedKind::PeerOptional,
        _ => NeedKind::Peer,
    });
    add("dependencies", &|_| NeedKind::Required);
    add("optionalDependencies", &|_| NeedKind::Optional);
    let bundled = (value.get("bundleDependencies")).or_else(|| value.get("bundledDependencies"));
    match bundled {
        Some(Value::Bool(true)) => {
            needs.retain(|_, need| matches!(need.kind, NeedKind::Peer | NeedKind::PeerOptional));
        }
        bundled => {
            for name in texts(bundled) {
                needs.remove(&name);
            }
        }
    }
    needs
}

/// The path of a tarball below the registry. Mirrors often leave the address of the registry that they mirror: then the
/// path there is the path here.
fn tarball_path(url: &str, registry: &str) -> Option<String> {
    let path_of = |url: &str| {
        let (_, rest) = url.split_once("://")?;
        rest.split_once('/').map(|(_, path)| path.to_owned())
    };
    let bare = |url: &str| {
        url.split_once("://")
            .map_or("", |(_, rest)| rest)
            .to_owned()
    };
    match bare(url).strip_prefix(&bare(registry)) {
        Some(path) => Some(path.to_owned()),
        None => path_of(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn dependencies_are_those_that_npm_installs() {
        let value = json!({
            "dependencies": {"a": "1", "b": "1", "c": "1", "odd": 7},
            "optionalDependencies": {"b": "2"},
            "peerDependencies": {"a": "3", "p": "1", "q": "1"},
            "peerDependenciesMeta": {"q": {"optional": true}},
            "devDependencies": {"d": "1"},
            "bundleDependencies": ["c"],
        });
        let shown: Vec<String> = needs(&value)
            .iter()
            .map(|(name, need)| format!("{name}@{} {:?}", need.text, need.kind))
            .collect();
        assert_eq!(
            shown,
            [
                "a@1 Required",
                "b@2 Optional",
                "p@1 Peer",
                "q@1 PeerOptional"
            ]
        );
        let all = json!({"dependencies": {"a": "1"}, "peerDependencies": {"p": "1"}, "bundledDependencies": true});
        assert_eq!(needs(&all).into_keys().collect::<Vec<_>>(), ["p"]);
    }

    #[test]
    fn commands_stay_inside_their_package() {
        let of = |bin: Value| {
            let commands = commands(&json!({"bin": bin}), "@x/tool");
            commands
                .into_iter()
                .map(|(c, p)| format!("{c}={p}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(of(json!("./cli.js")), "tool=cli.js");
        assert_eq!(
            of(json!({"a/b": "x/../../../etc/passwd", "..": "x", "c": ""})),
            "b=etc/passwd"
        );
        assert_eq!(of(json!(["bin/a", 3])), "a=bin/a");
        assert_eq!(of(json!(3)), "");
    }

    #[test]
    fn a_tarball_elsewhere_keeps_its_path_only() {
        let path = |url: &str| tarball_path(url, "http://mirror.example/npm/").unwrap();
        assert_eq!(
            path("https://mirror.example/npm/a/-/a-1.0.0.tgz"),
            "a/-/a-1.0.0.tgz"
        );
        assert_eq!(
            path("https://other.example/a/-/a-1.0.0.tgz"),
            "a/-/a-1.0.0.tgz"
        );
        assert_eq!(
            path("https://mirror.example/npm/download/a/7"),
            "download/a/7"
        );
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_fields_are_read_without_a_panic(
            fields in prop::collection::btree_map(
                "name|version|bin|os|cpu|engines|dist|dependencies|peerDependenciesMeta|bundleDependencies|deprecated",
                json(), 0..8,
            ),
        ) {
            let mut value: serde_json::Map<String, Value> = fields.into_iter().collect();
            value.entry("name").or_insert_with(|| "a".into());
            value.insert("version".into(), "1.0.0".into());
            let value = Value::Object(value);
            let _ = Manifest::read(&value, "http://x.example/");
            for path in commands(&value, "a").into_values() {
                prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{}", path);
            }
        }
    }
}
