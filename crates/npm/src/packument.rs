//! All versions of a package, and the choice among them.

use std::collections::BTreeMap;
use std::rc::Rc;

use kindling_base::{Error, Result};
use nodejs_semver::{Range, Version};
use serde_json::Value;

use crate::manifest::Manifest;
use crate::spec::{Spec, Wanted};

/// A registry's document about a package.
#[derive(Clone, Debug)]
pub(crate) struct Packument {
    /// Tags, such as `latest`, and their versions.
    tags: BTreeMap<String, Version>,
    /// The newest first.
    versions: Vec<Rc<Manifest>>,
}

/// The circumstances that decide a choice besides the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Preferences {
    /// Versions that a lock has, by package: they stay where they fit.
    pub(crate) pins: BTreeMap<String, Vec<Version>>,
    /// The Node.js of the image, where that is known.
    pub(crate) node: Option<Version>,
}

impl Packument {
    /// Reads what the registry at the address `registry` answered for `name`.
    ///
    /// # Errors
    /// The document is malformed.
    pub(crate) fn parse(name: &str, json: &[u8], registry: &str) -> Result<Self> {
        let unsound = || {
            Error::external(format!("the registry's answer for {name} is no packument"))
                .hint("is it a registry? name another one with `--mirror npm=URL`")
        };
        let value: Value =
            serde_json::from_slice(json).map_err(|error| unsound().because(error))?;
        let all = value
            .get("versions")
            .and_then(Value::as_object)
            .ok_or_else(unsound)?;
        let read = all
            .values()
            .filter_map(|value| Manifest::read(value, registry));
        // What calls itself otherwise is not what was asked for.
        let mut versions: Vec<_> = read.filter(|m| m.name == name).map(Rc::new).collect();
        versions.sort_by(|a, b| {
            b.version
                .cmp(&a.version)
                .then_with(|| b.version.to_string().cmp(&a.version.to_string()))
        });
        let tags = value.get("dist-tags").and_then(Value::as_object);
        let tags = tags.into_iter().flatten().filter_map(|(tag, version)| {
            Some((tag.clone(), Version::parse(version.as_str()?).ok()?))
        });
        Ok(Self {
            tags: tags.collect(),
            versions,
        })
    }

    /// The version that npm would take, but what is pinned stays if it fits; `None` where nothing fits.
    ///
    /// npm (`npm-pick-manifest`) takes what `latest` names if that fits, is not deprecated and runs on this Node.js.
    /// Otherwise the newest that fits, those first that are not deprecated and run. A tag is taken as it is.
    pub(crate) fn pick(&self, spec: &Spec, preferences: &Preferences) -> Option<Rc<Manifest>> {
        let node = preferences.node.as_ref();
        if let Wanted::Tag(tag) = &spec.wanted {
            return self.find(self.tags.get(tag)?);
        }
        let latest = self
            .tags
            .get("latest")
            .and_then(|version| self.find(version));
        let any = Range::any();
        let range = match &spec.wanted {
            Wanted::Range(range, _) => range,
            _ => &any,
        };
        let is_latest = |m: &Manifest| latest.as_ref().is_some_and(|l| l.version == m.version);
        let fits = |m: &Manifest| {
            let any_at_all = matches!(spec.wanted, Wanted::Any) && is_latest(m);
            any_at_all || range.satisfies(&m.version)
        };
        let pinned = preferences.pins.get(&spec.name);
        let pinned = |m: &Manifest| pinned.is_some_and(|pins| pins.contains(&m.version));
        if let Some(kept) = self.versions.iter().find(|m| pinned(m) && fits(m)) {
            return Some(kept.clone());
        }
        let sound = |m: &Manifest| fits(m) && !m.deprecated && m.runs_on(node);
        if let Some(latest) = latest.as_ref().filter(|m| sound(m)) {
            return Some(latest.clone());
        }
        let rank = |m: &Manifest| {
            let runs = m.runs_on(node);
            (runs && !m.deprecated, runs, !m.deprecated)
        };
        let fitting = self.versions.iter().filter(|m| fits(m));
        // Of equals the first, which is the newest.
        fitting.rev().max_by_key(|m| rank(m)).cloned()
    }

    /// Tags and the newest versions, for a person.
    pub(crate) fn shown(&self) -> String {
        let tags = self
            .tags
            .iter()
            .take(4)
            .map(|(tag, version)| format!("{tag} is {version}"));
        let newest: Vec<String> = (self.versions.iter().take(5))
            .map(|m| m.version.to_string())
            .collect();
        let newest = format!("the newest are {}", newest.join(", "));
        tags.chain([newest]).collect::<Vec<_>>().join("; ")
    }

    fn find(&self, version: &Version) -> Option<Rc<Manifest>> {
        self.versions
            .iter()
            .find(|m| m.version == *version)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn packument() -> Packument {
        let version = |version: &str, extra: Value| {
            let mut value = json!({"name": "a", "version": version});
            value
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            (version.to_owned(), value)
        };
        let versions: serde_json::Map<String, Value> = [
            version("1.0.0", json!({})),
            version("1.5.0", json!({"engines": {"node": ">=18"}})),
            version("1.9.0", json!({"deprecated": "broken"})),
            version("2.0.0", json!({"engines": {"node": ">=20"}})),
            version("2.1.0", json!({"engines": {"node": ">=22"}})),
            version("3.0.0-rc.1", json!({})),
        ]
        .into_iter()
        .collect();
        let value =
            json!({"dist-tags": {"latest": "2.0.0", "next": "3.0.0-rc.1"}, "versions": versions});
        Packument::parse("a", value.to_string().as_bytes(), "http://x.example/").unwrap()
    }

    fn pick(wanted: &str, pins: &[&str], node: Option<&str>) -> String {
        let parse = |text: &&str| Version::parse(text).unwrap();
        let preferences = Preferences {
            pins: BTreeMap::from([("a".into(), pins.iter().map(parse).collect())]),
            node: node.as_ref().map(parse),
        };
        let spec = Spec::requested(wanted).unwrap();
        let picked = packument().pick(&spec, &preferences);
        picked.map_or("none".into(), |m| m.version.to_string())
    }

    #[test]
    fn the_choice_is_npms() {
        assert_eq!(
            pick("a", &[], None),
            "2.0.0",
            "latest, although 2.1.0 is newer"
        );
        assert_eq!(pick("a@^2", &[], None), "2.0.0");
        assert_eq!(pick("a@>=2.1", &[], None), "2.1.0");
        assert_eq!(pick("a@1", &[], None), "1.5.0", "deprecated ones come last");
        assert_eq!(pick("a@1.9.0", &[], None), "1.9.0");
        assert_eq!(pick("a@next", &[], None), "3.0.0-rc.1");
        assert_eq!(pick("a@7", &[], None), "none");
        assert_eq!(pick("a@nothing", &[], None), "none");
    }

    #[test]
    fn a_known_node_is_asked_for_what_runs_on_it() {
        assert_eq!(pick("a", &[], Some("18.20.4")), "1.5.0");
        assert_eq!(pick("a@>=1", &[], Some("16.0.0")), "1.0.0");
        assert_eq!(pick("a@latest", &[], Some("16.0.0")), "2.0.0");
        assert_eq!(
            pick("a@2", &[], Some("16.0.0")),
            "2.1.0",
            "nothing runs: the newest"
        );
    }

    #[test]
    fn what_is_pinned_stays_where_it_fits() {
        assert_eq!(pick("a", &["1.0.0"], None), "1.0.0");
        assert_eq!(pick("a@1", &["1.0.0", "1.5.0"], None), "1.5.0");
        assert_eq!(pick("a@2", &["1.0.0"], None), "2.0.0");
        assert_eq!(
            pick("a@next", &["1.0.0"], None),
            "3.0.0-rc.1",
            "a tag names what it names"
        );
        assert_eq!(pick("a", &["3.0.0-rc.1"], None), "2.0.0");
        assert_eq!(
            pick("a@1", &["1.4.0"], None),
            "1.5.0",
            "it left the registry"
        );
    }
}
