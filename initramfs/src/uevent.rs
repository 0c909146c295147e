//! Messages of the kernel's NETLINK_KOBJECT_UEVENT socket.

/// Whether a message says that a block device appeared or changed, so that it is worth looking again.
///
/// A message is `ACTION@DEVPATH` and then `KEY=value` fields, each ended by a NUL (`kobject_uevent_env` in the
/// kernel's lib/kobject_uevent.c).
pub fn is_block_event(message: &[u8]) -> bool {
    let mut fields = message.split(|&byte| byte == 0);
    let appeared = fields
        .next()
        .is_some_and(|head| head.starts_with(b"add@") || head.starts_with(b"change@"));
    appeared && fields.any(|field| field == b"SUBSYSTEM=block")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_block_devices_that_came_or_changed() {
        let message = |action: &str, subsystem: &str| {
            let devpath = "/devices/pci0000:00/0000:00:01.0/virtio0/block/vda";
            format!(
                "{action}@{devpath}\0ACTION={action}\0DEVPATH={devpath}\0SUBSYSTEM={subsystem}\0MAJOR=254\0SEQNUM=7\0"
            )
        };
        assert!(is_block_event(message("add", "block").as_bytes()));
        assert!(is_block_event(message("change", "block").as_bytes()));
        assert!(!is_block_event(message("remove", "block").as_bytes()));
        assert!(!is_block_event(message("add", "net").as_bytes()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(!is_block_event(&message) || message.starts_with(b"add@") || message.starts_with(b"change@"));
        }
    }
}
