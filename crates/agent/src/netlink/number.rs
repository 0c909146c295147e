//! Numbers of `include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h`.

pub(super) const NLMSG_ERROR: u16 = 2;
pub(super) const NLMSG_DONE: u16 = 3;
pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_NEWADDR: u16 = 20;
pub(super) const RTM_DELADDR: u16 = 21;
pub(super) const RTM_GETADDR: u16 = 22;
pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const NLM_F_REQUEST: u16 = 1;
pub(super) const NLM_F_ACK: u16 = 4;
pub(super) const NLM_F_REPLACE: u16 = 0x100;
pub(super) const NLM_F_CREATE: u16 = 0x400;
/// NLM_F_ROOT and NLM_F_MATCH.
pub(super) const NLM_F_DUMP: u16 = 0x300;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;
pub(super) const IFF_UP: u32 = 1;
pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFA_LOCAL: u16 = 2;
pub(super) const IFA_BROADCAST: u16 = 4;
pub(super) const IFA_F_NODAD: u8 = 2;
pub(super) const RTA_OIF: u16 = 4;
pub(super) const RTA_GATEWAY: u16 = 5;
pub(super) const RTA_PRIORITY: u16 = 6;
pub(super) const RT_TABLE_MAIN: u8 = 254;
/// As `ip route` has it.
pub(super) const RTPROT_BOOT: u8 = 3;
pub(super) const RTN_UNICAST: u8 = 1;
pub(super) const RTNH_F_ONLINK: u32 = 4;
