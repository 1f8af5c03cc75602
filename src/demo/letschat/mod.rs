//! A small Let's Chat.
