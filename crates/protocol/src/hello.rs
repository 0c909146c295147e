//! The greeting that begins a session.

use std::fmt;

/// Bytes from 0x80 to 0xfe alone, which are not UTF-8; the first of them occurs once.
///
/// A frame's header begins and ends with a zero byte (its length is below 2^24), so the magic cannot reach into one; a
/// message is UTF-8; the payload of a credit is shorter. What is left is data, which [`crate::data`] cuts.
pub const MAGIC: [u8; 16] = [
    0xfe, 0x93, 0xb1, 0x86, 0xd4, 0xf7, 0x8e, 0xc9, 0xa2, 0xe8, 0x9b, 0xbd, 0xf1, 0x85, 0xca, 0xdf,
];

/// Length of a greeting in bytes.
pub const HELLO_LENGTH: usize = 40;

/// The oldest version that this code speaks.
pub const OLDEST: u16 = 1;
/// The newest version that this code speaks.
pub const NEWEST: u16 = 1;

/// The two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The launcher.
    Host,
    /// The agent.
    Agent,
}

/// A greeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Random, chosen by the host; the agent repeats it. Zero from an agent that has just started and would like to be
    /// greeted.
    pub session: u128,
    /// The oldest version that is spoken.
    pub oldest: u16,
    /// The newest version that is spoken.
    pub newest: u16,
    /// The side that speaks.
    pub role: Role,
}

/// No version is spoken by both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incompatible {
    /// The other side's version.
    pub theirs: (u16, u16),
    /// Our version.
    pub ours: (u16, u16),
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |(oldest, newest): (u16, u16)| match oldest == newest {
            true => format!("version {oldest}"),
            false => format!("versions {oldest} to {newest}"),
        };
        write!(
            f,
            "the other side speaks {} of the agent's protocol and this side {}",
            range(self.theirs),
            range(self.ours)
        )
    }
}

impl std::error::Error for Incompatible {}

impl Hello {
    /// A greeting with the versions of this code.
    pub fn new(role: Role, session: u128) -> Self {
        Self {
            session,
            oldest: OLDEST,
            newest: NEWEST,
            role,
        }
    }

    /// The newest version that the speaker of this greeting and this code both speak.
    ///
    /// # Errors
    /// The two have no version in common.
    pub fn version(&self) -> Result<u16, Incompatible> {
        let version = self.newest.min(NEWEST);
        if version >= self.oldest && version >= OLDEST {
            return Ok(version);
        }
        Err(Incompatible {
            theirs: (self.oldest, self.newest),
            ours: (OLDEST, NEWEST),
        })
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; HELLO_LENGTH] {
        let mut bytes = [0; HELLO_LENGTH];
        bytes[..16].copy_from_slice(&MAGIC);
        bytes[16..32].copy_from_slice(&self.session.to_be_bytes());
        bytes[32..34].copy_from_slice(&self.oldest.to_be_bytes());
        bytes[34..36].copy_from_slice(&self.newest.to_be_bytes());
        bytes[36] = match self.role {
            Role::Host => 1,
            Role::Agent => 2,
        };
        bytes
    }

    /// A greeting from its bytes; `None` where they are none.
    pub(crate) fn decode(bytes: &[u8; HELLO_LENGTH]) -> Option<Self> {
        let number = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let role = match bytes[36..] {
            [1, 0, 0, 0] => Role::Host,
            [2, 0, 0, 0] => Role::Agent,
            _ => return None,
        };
        let mut session = [0; 16];
        session.copy_from_slice(&bytes[16..32]);
        let (oldest, newest) = (number(32), number(34));
        (bytes[..16] == MAGIC && oldest <= newest).then_some(Self {
            session: u128::from_be_bytes(session),
            oldest,
            newest,
            role,
        })
    }
}
