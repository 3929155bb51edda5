//! The dashboard: its data, its screens and what lies above them.
//!
//! `update` and `view` never wait: what takes time leaves as an [`Effect`] and comes back as an
//! [`Event`].

mod view;

use jiff::Timestamp;
use tod_proto::api::devices::FleetUpdate;
use tod_proto::id::DeviceId;

use crate::action::{Action, ScreenId};
use crate::event::{Effect, Event, Link};
use crate::fleet::Fleet;
use crate::keymap::{Keymap, Mode};
use crate::layers::command::CommandLine;
use crate::layers::help::Help;
use crate::layers::palette::Palette;
use crate::layers::unlock::Unlock;
use crate::layers::{After, Layer};
use crate::screen::{Ask, Screen};
use crate::screens::changes::ChangesScreen;
use crate::screens::device::DeviceScreen;
use crate::screens::devices::DevicesScreen;
use crate::screens::events::EventsScreen;
use crate::screens::overview::OverviewScreen;
use crate::theme::Theme;

/// What the header says, and what signing in needs.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The tenant's name.
    pub tenant: String,
    /// What people call this server: `PROD`.
    pub label: String,
    /// The server's address.
    pub server: String,
    /// Who is signed in.
    pub user: String,
    /// Changes need more care here; the rule under the header is red.
    pub protected: bool,
    /// Whether this machine lacks the Secret Key.
    pub needs_secret_key: bool,
}

/// The screens, each where the person left it.
#[derive(Debug, Default)]
struct Screens {
    overview: OverviewScreen,
    devices: DevicesScreen,
    device: Option<DeviceScreen>,
    events: EventsScreen,
    changes: ChangesScreen,
}

impl Screens {
    fn get(&mut self, id: ScreenId) -> &mut dyn Screen {
        match (id, &mut self.device) {
            (ScreenId::Overview, _) => &mut self.overview,
            (ScreenId::Device, Some(device)) => device,
            (ScreenId::Devices | ScreenId::Device, _) => &mut self.devices,
            (ScreenId::Events, _) => &mut self.events,
            (ScreenId::Changes, _) => &mut self.changes,
        }
    }
}

/// A second key that the first one asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Awaited {
    #[default]
    Nothing,
    /// The letter of a screen.
    Screen,
    /// Ctrl-c again, to quit.
    Quit,
}

/// The dashboard.
#[derive(Debug)]
pub struct App {
    /// What the server has told us.
    pub fleet: Fleet,
    context: Context,
    keymap: Keymap,
    theme: Theme,
    screen: ScreenId,
    last: ScreenId,
    screens: Screens,
    layers: Vec<Layer>,
    awaited: Awaited,
    sidebar: bool,
    message: Option<(String, Timestamp)>,
    /// Whether the next frame would differ from the last.
    pub dirty: bool,
}

/// Seconds for which a message stays.
const MESSAGE_SECONDS: i64 = 6;

impl App {
    /// A dashboard that has heard nothing yet.
    pub fn new(context: Context, theme: Theme, now: Timestamp) -> Self {
        let fleet = Fleet::new(now);
        Self {
            fleet,
            context,
            keymap: Keymap::default(),
            theme,
            screen: ScreenId::Overview,
            last: ScreenId::Devices,
            screens: Screens::default(),
            layers: Vec::new(),
            awaited: Awaited::Nothing,
            sidebar: true,
            message: None,
            dirty: true,
        }
    }

    /// What a key means at the moment.
    pub fn action_of(&self, key: crossterm::event::KeyEvent) -> Option<Action> {
        self.keymap.action(self.mode(), key)
    }

    /// Goes to a screen by its name in the address, such as `devices`.
    pub fn start_at(&mut self, screen: ScreenId) {
        self.screen = screen;
    }

    fn mode(&self) -> Mode {
        if let Some(layer) = self.layers.last() {
            layer.mode()
        } else if self.awaited == Awaited::Screen {
            Mode::Go
        } else if self.screen == ScreenId::Devices && self.screens.devices.is_typing() {
            Mode::Text
        } else {
            Mode::Normal
        }
    }

    /// Takes in an event; returns what is to be done about it.
    pub fn update(&mut self, event: &Event) -> Vec<Effect> {
        self.fleet.apply(event);
        self.dirty = true;
        let mut effects = match event {
            Event::Action(action) => self.on(action),
            Event::Fleet(updates) if updates.contains(&FleetUpdate::Resync) => {
                vec![Effect::Refresh]
            }
            Event::Failed(message) => {
                self.say(message.clone());
                Vec::new()
            }
            Event::Link(Link::Locked { reason }) => {
                self.lock(Some(reason.clone()));
                Vec::new()
            }
            Event::Unlocked => {
                self.layers
                    .retain(|layer| !matches!(layer, Layer::Unlock(_)));
                self.say(format!("signed in as {}", self.context.user));
                vec![Effect::Refresh]
            }
            Event::UnlockFailed(message) => {
                if let Some(Layer::Unlock(unlock)) = self.layers.last_mut() {
                    unlock.failed(message.clone());
                }
                Vec::new()
            }
            Event::CodeWanted => {
                if let Some(Layer::Unlock(unlock)) = self.layers.last_mut() {
                    unlock.wants_code();
                }
                Vec::new()
            }
            Event::Happened(event) if event.kind.starts_with("change.") => {
                vec![Effect::LoadChanges]
            }
            Event::Tick(now) => {
                self.forget_message(*now);
                Vec::new()
            }
            _ => Vec::new(),
        };
        if self.screen == ScreenId::Device
            && let Some(device) = &mut self.screens.device
        {
            effects.extend(device.refresh(&self.fleet));
        }
        effects
    }

    fn lock(&mut self, reason: Option<String>) {
        if !self
            .layers
            .iter()
            .any(|layer| matches!(layer, Layer::Unlock(_)))
        {
            self.layers.push(Layer::Unlock(Unlock::new(
                &self.context.user,
                &self.context.server,
                self.context.needs_secret_key,
                reason,
            )));
        }
    }

    fn say(&mut self, message: String) {
        self.message = (!message.is_empty()).then_some((message, self.fleet.now));
    }

    fn forget_message(&mut self, now: Timestamp) {
        if let Some((_, at)) = &self.message
            && now.as_second() - at.as_second() > MESSAGE_SECONDS
        {
            self.message = None;
        }
    }

    fn on(&mut self, action: &Action) -> Vec<Effect> {
        let awaited = std::mem::take(&mut self.awaited);
        if *action == Action::Quit {
            if awaited == Awaited::Quit {
                return vec![Effect::Quit];
            }
            self.awaited = Awaited::Quit;
            self.say("ctrl-c again quits".to_owned());
            return Vec::new();
        }
        if let Some(layer) = self.layers.last_mut() {
            let (leaves, asks) = match layer.on(action, &self.fleet) {
                After::Stay(asks) => (false, asks),
                After::Leave(asks) => (true, asks),
            };
            if leaves {
                self.layers.pop();
            }
            return self.perform(asks);
        }
        if self.mode() == Mode::Text {
            return self.ask_screen(action);
        }
        match self.global(action) {
            Some(effects) => effects,
            None => self.ask_screen(action),
        }
    }

    /// Actions that mean the same on every screen.
    fn global(&mut self, action: &Action) -> Option<Vec<Effect>> {
        match action {
            Action::Help => self.layers.push(Layer::Help(Help::default())),
            Action::Palette => self.layers.push(Layer::Palette(Palette::default())),
            Action::Command => self.layers.push(Layer::Command(CommandLine::default())),
            Action::GoMenu => self.awaited = Awaited::Screen,
            Action::Go(screen) => self.go(*screen),
            Action::Last => self.go(self.last),
            Action::Sidebar => self.sidebar = !self.sidebar,
            Action::Theme => {
                self.theme = self.theme.next();
                self.say(format!("theme {}", self.theme.name));
            }
            Action::Close | Action::Back if self.screen == ScreenId::Device => {
                self.go(ScreenId::Devices);
            }
            Action::Close => self.layers.push(Layer::Quit),
            Action::Redraw => return Some(vec![Effect::Redraw]),
            Action::Suspend => return Some(vec![Effect::Suspend]),
            Action::Paste(text) => {
                let count = text.chars().count();
                self.say(format!("pasted {count} characters here, ignored"));
            }
            _ => return None,
        }
        Some(match action {
            Action::Go(ScreenId::Changes) => vec![Effect::LoadChanges],
            _ => Vec::new(),
        })
    }

    fn ask_screen(&mut self, action: &Action) -> Vec<Effect> {
        let asks = self.screens.get(self.screen).on(action, &self.fleet);
        self.perform(asks)
    }

    fn perform(&mut self, asks: Vec<Ask>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for ask in asks {
            match ask {
                Ask::Go(screen) => {
                    self.go(screen);
                    if screen == ScreenId::Changes {
                        effects.push(Effect::LoadChanges);
                    }
                }
                Ask::Device(id) => effects.extend(self.open(id)),
                Ask::Effect(effect) => effects.push(effect),
                Ask::Say(text) => self.say(text),
                Ask::Filter(selector) => {
                    self.screens.devices.show(&selector);
                    self.go(ScreenId::Devices);
                }
                Ask::Theme(name) => match Theme::named(&name) {
                    Some(theme) => self.theme = theme,
                    None => self.say(format!(
                        "no theme `{name}`: there are {}",
                        crate::theme::NAMES.join(", ")
                    )),
                },
            }
        }
        effects
    }

    fn open(&mut self, device: DeviceId) -> Vec<Effect> {
        if self
            .screens
            .device
            .as_ref()
            .is_none_or(|open| open.device() != device)
        {
            self.screens.device = Some(DeviceScreen::new(device));
        }
        self.go(ScreenId::Device);
        vec![Effect::LoadSeries(device)]
    }

    fn go(&mut self, screen: ScreenId) {
        if screen != self.screen {
            self.last = self.screen;
            self.screen = screen;
        }
    }
}
