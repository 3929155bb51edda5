//! What a shell asks before its first prompt.

use crate::switches::Greeting;

/// A question that waits for its answer.
#[derive(Debug)]
pub(super) struct Question {
    greeting: Greeting,
    /// A password being typed, and the one typed before it.
    typed: String,
    first: Option<String>,
}

/// What an answer led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// More is needed; this is shown.
    Again(String),
    /// It is answered; this is shown.
    Answered(String),
    /// It is answered with a new password.
    Password(String),
}

/// Longer passwords cannot be typed.
const PASSWORD: usize = 256;

impl Question {
    pub(super) fn new(greeting: Greeting) -> Self {
        Self {
            greeting,
            typed: String::new(),
            first: None,
        }
    }

    /// Returns what is asked.
    pub(super) fn text(&self) -> &'static str {
        match self.greeting {
            Greeting::Licence => "Do you want to see the software license? [Y/n]: ",
            Greeting::Unlicensed => {
                "ROUTER HAS NO SOFTWARE KEY\r\n----------------------------\r\n\
                 You have 23h59m to configure the router to be remotely accessible,\r\n\
                 and to enter the key by pasting it in a Telnet window or in Winbox.\r\n\
                 Turn off the device to stop the timer.\r\n\
                 See www.mikrotik.com/key for more details.\r\n\r\n\
                 Current installation \"software ID\": X000-XXXX\r\n\
                 Please press \"Enter\" to continue!\r\n"
            }
            Greeting::DefaultConfiguration => {
                "The following default configuration has been installed on your router:\r\n\
                 -------------------------------------------------------------------------------\r\n\
                 RouterMode:\r\n\
                 \x20* WAN port is protected by firewall and enabled DHCP client\r\n\
                 \x20* Ethernet interfaces (except WAN port/s) are part of LAN bridge\r\n\
                 -------------------------------------------------------------------------------\r\n\
                 You can type \"v\" to see the exact commands that are used to add and remove\r\n\
                 this default configuration, or you can view them later with\r\n\
                 '/system default-configuration print' command.\r\n\
                 To remove this default configuration type \"r\" or hit any other key to continue.\r\n"
            }
            Greeting::NewPassword => "Change your password\r\n\r\nnew password> ",
        }
    }

    /// Takes a key.
    pub(super) fn key(&mut self, byte: u8) -> Asked {
        let nothing = || Asked::Again(String::new());
        match (self.greeting, byte) {
            (Greeting::Licence, b'n' | b'N') => Asked::Answered("n\r\n".to_owned()),
            (Greeting::Licence, b'y' | b'Y' | b'\r') => {
                Asked::Answered("y\r\nMIKROTIKLS MIKROTIK SOFTWARE END-USER LICENCE\r\n".to_owned())
            }
            (Greeting::Unlicensed, b'\r' | b'\n') | (Greeting::DefaultConfiguration, _) => {
                Asked::Answered("\r\n".to_owned())
            }
            (Greeting::NewPassword, 0x03) => Asked::Answered("\r\n".to_owned()),
            (Greeting::NewPassword, b'\r' | b'\n') => self.password(),
            (Greeting::NewPassword, 0x08 | 0x7F) => match self.typed.pop() {
                Some(_) => Asked::Again("\x08 \x08".to_owned()),
                None => nothing(),
            },
            (Greeting::NewPassword, b' '..=b'~') if self.typed.len() < PASSWORD => {
                self.typed.push(char::from(byte));
                Asked::Again("*".to_owned())
            }
            _ => nothing(),
        }
    }

    fn password(&mut self) -> Asked {
        let typed = std::mem::take(&mut self.typed);
        match self.first.take() {
            None => {
                self.first = Some(typed);
                Asked::Again("\r\nrepeat new password> ".to_owned())
            }
            Some(first) if first == typed => Asked::Password(typed),
            Some(_) => {
                let again = "\r\n\r\nTry again, error: New passwords do not match!\r\n\r\n\
                             new password> ";
                Asked::Again(again.to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Question};
    use crate::switches::Greeting;

    #[test]
    fn a_password_must_be_typed_twice() {
        let mut question = Question::new(Greeting::NewPassword);
        let mut type_line = |line: &str| {
            let typed = line.bytes().map(|b| question.key(b));
            typed.last()
        };

        assert!(matches!(type_line("one\r"), Some(Asked::Again(t)) if t.contains("repeat")));
        assert!(matches!(type_line("two\r"), Some(Asked::Again(t)) if t.contains("do not match")));
        type_line("three\r");
        assert_eq!(
            type_line("three\r"),
            Some(Asked::Password("three".to_owned()))
        );
    }
}
