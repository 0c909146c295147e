//! The host's examination on the screen: what VMs need of it, and what it has.

use kindling_base::Result;
use kindling_launcher::kvm::KvmState;
use kindling_launcher::{Doctor, Requirement};

use super::rows::columns;
use super::{Screen, print, to_json};

impl Screen {
    pub(crate) fn doctor(&self, doctor: &Doctor) -> Result<()> {
        if self.json {
            return print(&to_json(doctor)?);
        }
        let count = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let broken: Vec<String> = doctor
            .broken
            .iter()
            .map(|f| f.display().to_string())
            .collect();
        print(&columns(&examined(&doctor.requirements)))?;
        print("")?;
        let lines = [
            (
                "monitor",
                format!("{} is what --vmm auto chooses", doctor.vmm.name()),
            ),
            (
                "accelerator",
                format!("{} is what --accel auto chooses", doctor.accelerator),
            ),
            ("state folder", doctor.state_folder.display().to_string()),
            (
                "VMs",
                format!("{} running, {} ended", doctor.running, doctor.ended),
            ),
            ("crashed", count(&doctor.dead)),
            ("broken folders", count(&broken)),
            (
                "cleared away",
                format!("{} half-made or half-removed folders", doctor.swept),
            ),
        ];
        let lines = lines.map(|(what, text)| [what.to_owned(), text]);
        print(&columns(&lines))
    }

    /// The state of KVM, for the process that asked.
    pub(crate) fn kvm(&self, kvm: &KvmState) -> Result<()> {
        print(&to_json(kvm)?)
    }
}

/// Three rows at most for each requirement: the finding, its meaning, the advice.
fn examined(requirements: &[Requirement]) -> Vec<[String; 3]> {
    let below = |text: String| [String::new(), String::new(), text];
    let rows = requirements.iter().flat_map(|requirement| {
        let (name, verdict) = (requirement.name, requirement.verdict.name());
        let advice = requirement.advice.as_ref();
        [
            [
                name.to_owned(),
                verdict.to_owned(),
                requirement.found.clone(),
            ],
            below(requirement.means.clone()),
        ]
        .into_iter()
        .chain(advice.map(|advice| below(format!("do: {advice}"))))
    });
    rows.collect()
}
