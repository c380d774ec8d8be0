//! The test registry keeps the rules of EPP: other people's clients work with it, and what they can not show is looked at
//! frame by frame.

mod client;
mod commands;
mod domains;
