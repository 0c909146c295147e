//! The launcher's part of the user's configuration file.

use kindling_base::Result;
use kindling_config::{Config, Table};

use crate::network::NetworkConfig;
use crate::start::limits::Limits;

/// `[network]`: the bridge of VMs with TAPs.
///
/// # Errors
/// The file cannot be read, or has a mistake.
pub(crate) fn network() -> Result<NetworkConfig> {
    Config::of_this_user()?.table(Table::Network)
}

/// `[limits]`: how much all VMs together may take.
///
/// # Errors
/// The file cannot be read, or has a mistake.
pub(crate) fn limits() -> Result<Limits> {
    Config::of_this_user()?.table(Table::Limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_the_keys_that_their_types_have() {
        let network = serde_json::to_value(NetworkConfig::default()).unwrap();
        let limits = serde_json::to_value(Limits::default()).unwrap();
        for (table, values) in [(Table::Network, network), (Table::Limits, limits)] {
            let mut keys: Vec<&String> = values.as_object().unwrap().keys().collect();
            let mut known = table.keys().unwrap().to_vec();
            keys.sort_unstable();
            known.sort_unstable();
            assert_eq!(keys, known);
        }
    }

    #[test]
    fn unset_values_are_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        let text = "[network]\nbridge = \"br7\"\negress = [\"192.0.2.7:443\"]\n";
        std::fs::write(&path, text).unwrap();
        let config = Config::read(&path).unwrap();
        let network: NetworkConfig = config.table(Table::Network).unwrap();
        assert_eq!(network.bridge, "br7");
        assert_eq!(network.egress.unwrap()[0].to_string(), "192.0.2.7:443");
        assert!(network.isolate);
        assert_eq!(
            config.table::<Limits>(Table::Limits).unwrap(),
            Limits::default()
        );
    }
}
