//! The loop: take all that has happened, then draw once.

use std::io;
use std::time::Duration;

use crossterm::event::{
    Event as TerminalEvent, EventStream, KeyEventKind, MouseButton, MouseEventKind,
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::action::{Action, ScreenId};
use crate::app::{App, Context};
use crate::effects::{Effects, Server};
use crate::event::{Effect, Event};
use crate::terminal::Terminal;
use crate::theme::Theme;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(16);

/// How many events may wait for the loop. Feeds that are faster wait for it.
const QUEUE: usize = 256;

/// What the dashboard starts with.
#[derive(Debug)]
pub struct Options {
    /// What talks to the server.
    pub server: Server,
    /// What the header says.
    pub context: Context,
    /// The theme.
    pub theme: Theme,
    /// Where to start.
    pub screen: ScreenId,
}

/// Shows the dashboard until the person quits.
pub async fn run(options: Options) -> io::Result<()> {
    let clock = options.server.clock.clone();
    let mut app = App::new(options.context, options.theme, clock.now());
    app.start_at(options.screen);
    let (out, mut events) = mpsc::channel(QUEUE);
    let mut effects = Effects::start(options.server, out);
    let mut terminal = Terminal::enter()?;
    let mut input = EventStream::new();
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut drawn = Instant::now() - FRAME;
    loop {
        if app.dirty && drawn.elapsed() >= FRAME {
            terminal.draw(|frame| app.view(frame))?;
            drawn = Instant::now();
        }
        let event = tokio::select! {
            biased;
            _ = terminate.recv() => return Ok(()),
            typed = input.next() => match typed {
                Some(typed) => translate(&mut app, &typed?),
                None => return Ok(()),
            },
            Some(event) = events.recv() => Some(event),
            _ = tick.tick() => Some(Event::Tick(clock.now())),
            () = tokio::time::sleep_until(drawn + FRAME), if app.dirty => None,
        };
        let mut next = event;
        while let Some(event) = next {
            let unlocked = matches!(event, Event::Unlocked);
            let wanted = app.update(&event);
            if perform(wanted, &mut effects, &mut terminal)? {
                return Ok(());
            }
            if unlocked {
                effects.restart();
            }
            next = events.try_recv().ok();
        }
    }
}

/// What the person did with keyboard, mouse or window.
fn translate(app: &mut App, typed: &TerminalEvent) -> Option<Event> {
    let action = match typed {
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => app.action_of(*key),
        TerminalEvent::Paste(text) => Some(Action::Paste(text.clone())),
        TerminalEvent::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => Some(Action::Up),
            MouseEventKind::ScrollDown => Some(Action::Down),
            MouseEventKind::Down(MouseButton::Left) => Some(Action::Click {
                x: mouse.column,
                y: mouse.row,
            }),
            _ => None,
        },
        TerminalEvent::Resize(..) => {
            app.dirty = true;
            None
        }
        _ => None,
    };
    action.map(Event::Action)
}

/// Returns whether the person leaves.
fn perform(
    wanted: Vec<Effect>,
    effects: &mut Effects,
    terminal: &mut Terminal,
) -> io::Result<bool> {
    for effect in wanted {
        match effect {
            Effect::Quit => return Ok(true),
            Effect::Suspend => terminal.suspend()?,
            Effect::Redraw => terminal.clear()?,
            other => effects.perform(other),
        }
    }
    Ok(false)
}
