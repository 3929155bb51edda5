//! The language of RouterOS devices: bytes and instants in, bytes and events out.
//!
//! **Invariant:** this crate does no I/O, reads no clock and spawns nothing. The poller drives it
//! over TCP and TLS, the lab drives the other side of it, tests drive it with arrays.
//!
//! | module | what it knows |
//! |---|---|
//! | [`word`], [`sentence`] | framing of the API: length-prefixed words, sentences of them |
//! | [`reply`], [`command`] | what the words of a sentence mean, in either direction |
//! | [`session`], [`login`] | the client's machine: signing in, tags, pipelining, deadlines |
//! | [`server`] | the device's side of the same: requests decoded, responses encoded |
//! | [`capability`] | what a device can do: packages, menus, `device-mode`, policies |
//! | [`query`] | which rows a `print` asks for |
//! | [`quote`] | values in scripts and exports |
//! | [`row`], [`value`], [`text`] | records with typed access; values and bytes of devices |
//! | [`secret`] | which properties hold secrets, and texts that give one away |
//! | [`veil`] | texts with their secrets hidden |
//! | [`script`] | the scripting language: tree, interpreter, ordered operations |
//! | [`undo`] | what a change will do, and the script that takes it back |
//! | [`version`] | versions, channels, what each can do |
//! | [`export`] | export text: taken apart, printed, cleaned, masked |
//! | [`config`] | two configurations compared, and the operations from one to the other |
//! | [`error`] | what can be wrong with the bytes, and what traps mean |

#![warn(missing_docs)]

pub mod capability;
pub mod command;
pub mod config;
pub mod error;
pub mod export;
pub mod login;
pub mod query;
pub mod quote;
pub mod reply;
pub mod row;
pub mod script;
pub mod secret;
pub mod sentence;
pub mod server;
pub mod session;
pub mod text;
pub mod undo;
pub mod value;
pub mod veil;
pub mod version;
pub mod word;
