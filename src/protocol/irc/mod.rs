//! A seat on an IRC server: register, join, speak, listen, stay alive.

pub mod line;
pub mod split;
