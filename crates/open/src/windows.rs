//! The windows of the desktop, as its window manager lists them (Extended Window Manager Hints).

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};

use x11rb::connection::Connection;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ChangeWindowAttributesAux, ClientMessageEvent, ConnectionExt, EventMask, Window,
};
use x11rb::rust_connection::RustConnection;

/// The most of a title that is read, in units of four bytes.
const TITLE_UNITS: u32 = 1024;

x11rb::atom_manager! {
    /// Names that the X server gives numbers to.
    Atoms: AtomsCookie {
        _NET_ACTIVE_WINDOW,
        _NET_CLIENT_LIST,
        _NET_WM_NAME,
        UTF8_STRING,
    }
}

/// A connection that hears of new windows and changed titles.
pub(crate) struct Desktop {
    connection: RustConnection,
    root: Window,
    atoms: Atoms,
    /// The windows whose titles we hear of, each with whether it is a browser's.
    known: BTreeMap<Window, bool>,
}

/// An event of the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A window came or went.
    List,
    /// A window was given a title.
    Title(Window),
}

impl Desktop {
    /// Connects to the display that DISPLAY names.
    pub(crate) fn connect() -> Result<Self, String> {
        let tell = |error: &dyn std::fmt::Display| format!("cannot look at the display: {error}");
        let (connection, screen) = x11rb::connect(None).map_err(|error| tell(&error))?;
        let root = connection
            .setup()
            .roots
            .get(screen)
            .ok_or("the display has no screen")?
            .root;
        let atoms = Atoms::new(&connection)
            .map_err(|error| tell(&error))?
            .reply()
            .map_err(|error| tell(&error))?;
        let desktop = Self {
            connection,
            root,
            atoms,
            known: BTreeMap::new(),
        };
        desktop.watch(root).map_err(|error| tell(&error))?;
        Ok(desktop)
    }

    fn watch(&self, window: Window) -> Result<(), ConnectionError> {
        let events = ChangeWindowAttributesAux::new().event_mask(EventMask::PROPERTY_CHANGE);
        self.connection.change_window_attributes(window, &events)?;
        self.connection.flush()
    }

    /// Looks at the list of windows, the newest last, and listens to each; returns the browser's.
    pub(crate) fn browsers(&mut self) -> Result<Vec<Window>, ReplyError> {
        let list = self.atoms._NET_CLIENT_LIST;
        let any = AtomEnum::WINDOW;
        let reply = self
            .connection
            .get_property(false, self.root, list, any, 0, u32::MAX)?;
        let reply = reply.reply()?;
        let windows: Vec<Window> = reply.value32().into_iter().flatten().collect();
        for window in &windows {
            if !self.known.contains_key(window) {
                self.watch(*window)?;
                let class = self.property(*window, AtomEnum::WM_CLASS.into(), AtomEnum::STRING)?;
                self.known.insert(*window, is_browser(&class));
            }
        }
        self.known.retain(|window, _| windows.contains(window));
        let browsers = windows.iter().filter(|w| self.known.get(w) == Some(&true));
        Ok(browsers.copied().collect())
    }

    /// A window's title; nothing where it has none or is gone.
    pub(crate) fn title(&self, window: Window) -> Result<String, ConnectionError> {
        let name = self.property(window, self.atoms._NET_WM_NAME, self.atoms.UTF8_STRING)?;
        Ok(String::from_utf8_lossy(&name).into_owned())
    }

    fn property(
        &self,
        window: Window,
        name: Atom,
        kind: impl Into<Atom>,
    ) -> Result<Vec<u8>, ConnectionError> {
        let kind = kind.into();
        let cookie = self
            .connection
            .get_property(false, window, name, kind, 0, TITLE_UNITS)?;
        match cookie.reply() {
            Ok(reply) => Ok(reply.value),
            Err(ReplyError::ConnectionError(error)) => Err(error),
            Err(ReplyError::X11Error(_)) => Ok(Vec::new()), // the window is gone
        }
    }

    /// Brings a window to the front, as a pager does.
    pub(crate) fn show(&self, window: Window) -> Result<(), ConnectionError> {
        // 2: asked for by a person, so that it is not taken for a window that pushes itself forward.
        let message =
            ClientMessageEvent::new(32, window, self.atoms._NET_ACTIVE_WINDOW, [2, 0, 0, 0, 0]);
        let to = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection.send_event(false, self.root, to, message)?;
        self.connection.flush()
    }

    /// The next event, without waiting for one.
    pub(crate) fn heard(&self) -> Result<Option<Heard>, ConnectionError> {
        while let Some(event) = self.connection.poll_for_event()? {
            if let Event::PropertyNotify(change) = event {
                if change.window == self.root && change.atom == self.atoms._NET_CLIENT_LIST {
                    return Ok(Some(Heard::List));
                }
                if change.atom == self.atoms._NET_WM_NAME {
                    return Ok(Some(Heard::Title(change.window)));
                }
            }
        }
        Ok(None)
    }

    /// Readable when there may be something to hear.
    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }
}

/// Whether WM_CLASS, two texts that end in a zero byte, is that of a browser of ours.
fn is_browser(class: &[u8]) -> bool {
    let mut names = class
        .split(|&byte| byte == 0)
        .map(<[u8]>::to_ascii_lowercase);
    names.any(|name| name.starts_with(b"chromium") || name.starts_with(b"google-chrome"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_known_by_their_class() {
        assert!(is_browser(b"chromium\0Chromium\0"));
        assert!(is_browser(b"google-chrome\0Google-chrome\0"));
        assert!(is_browser(b"x\0Chromium-browser\0"));
        assert!(!is_browser(b"xterm\0XTerm\0") && !is_browser(b""));
    }
}
