//! The hardware address of a VM's network card.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use kindling_base::hash::Hasher;
use serde::{Deserialize, Serialize};

/// An Ethernet address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address of the VM that has this folder: always the same, and different for every VM.
    pub fn of_vm(folder: &Path) -> Self {
        let mut hash = Hasher::new();
        hash.field("kindling mac")
            .field(folder.as_os_str().as_encoded_bytes());
        let [a, b, c, d, e, ..] = hash.digest();
        // 02: locally administered and unicast (IEEE 802c-2017, 8.4.2), so no vendor has it.
        Self([0x02, a, b, c, d, e])
    }

    /// Its six octets.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an Ethernet address such as 02:00:00:00:00:01");
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2);
            let part = part.ok_or_else(wrong)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| wrong())?;
        }
        parts
            .next()
            .is_none()
            .then_some(Self(octets))
            .ok_or_else(wrong)
    }
}

impl TryFrom<String> for Mac {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(octets: [u8; 6]) {
            let mac = Mac(octets);
            prop_assert_eq!(mac.to_string().parse::<Mac>().unwrap(), mac);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[0-9a-fx:+-]{0,20}") {
            if let Ok(mac) = text.parse::<Mac>() {
                prop_assert_eq!(mac.to_string(), text.to_lowercase());
            }
        }
    }

    #[test]
    fn a_vm_has_one_address_and_no_two_have_the_same() {
        let one = Mac::of_vm(Path::new("/vms/one"));
        assert_eq!(one, Mac::of_vm(Path::new("/vms/one")));
        assert_ne!(one, Mac::of_vm(Path::new("/vms/two")));
        assert_eq!(one.octets()[0] & 3, 2, "locally administered, unicast");
    }
}
