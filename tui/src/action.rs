//! What a person can mean. Screens see actions, never key codes.

use serde::{Deserialize, Serialize};

/// An intent of the person at the keyboard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// To the previous column, pane or field.
    Left,
    /// To the next column, pane or field.
    Right,
    /// To the first row.
    Top,
    /// To the last row.
    Bottom,
    /// Half a page up.
    HalfUp,
    /// Half a page down.
    HalfDown,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Open what the cursor is on, or take what was typed.
    Open,
    /// One level back.
    Back,
    /// Leave this view; at the top, ask whether to quit.
    Close,
    /// Quit now.
    Quit,
    /// Type a filter.
    Filter,
    /// Open the palette.
    Palette,
    /// Type a command.
    Command,
    /// Show the keys.
    Help,
    /// Wait for the letter of a screen.
    GoMenu,
    /// Go to a screen.
    Go(ScreenId),
    /// Go to the screen that was shown before.
    Last,
    /// Fold or unfold the sidebar.
    Sidebar,
    /// Mark or unmark the row.
    Mark,
    /// Mark all rows, or none if all are marked.
    MarkAll,
    /// Sort by the next column.
    Sort,
    /// Sort the other way round.
    Reverse,
    /// Stop or resume updates.
    Freeze,
    /// Ask the server again.
    Refresh,
    /// To the tab of this number.
    Tab(u8),
    /// To the next tab.
    NextTab,
    /// To the previous tab.
    PreviousTab,
    /// Change the theme.
    Theme,
    /// A character for a text field.
    Char(char),
    /// Text pasted into a text field.
    Paste(String),
    /// Remove the character before the cursor.
    Backspace,
    /// Remove the word before the cursor.
    DeleteWord,
    /// Remove everything.
    ClearLine,
    /// Say yes.
    Yes,
    /// Say no.
    No,
    /// Draw again from nothing.
    Redraw,
    /// Suspend the program.
    Suspend,
    /// Press the mouse on a cell.
    Click {
        /// The column.
        x: u16,
        /// The row.
        y: u16,
    },
}

/// A screen that can be gone to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScreenId {
    /// The fleet at a glance.
    Overview,
    /// The list of devices.
    Devices,
    /// One device.
    Device,
    /// What happened.
    Events,
    /// Changes and their countdowns.
    Changes,
}

impl ScreenId {
    /// The screens of the sidebar.
    pub const TOP: [Self; 4] = [Self::Overview, Self::Devices, Self::Changes, Self::Events];

    /// The title.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Devices => "Devices",
            Self::Device => "Device",
            Self::Events => "Event log",
            Self::Changes => "Changes",
        }
    }

    /// The letter after `g`, and in the sidebar.
    pub fn letter(self) -> char {
        match self {
            Self::Overview => 'd',
            Self::Devices | Self::Device => 'v',
            Self::Events => 'l',
            Self::Changes => 'c',
        }
    }
}
