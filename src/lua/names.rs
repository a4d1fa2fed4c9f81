//! The names of fields that replies have, kept in the interpreter.

use super::stack::{Kept, keep};
use mlua::{Lua, Result};

macro_rules! names {
    ($($name:ident)*) => {
        /// Each name, ready to be pushed.
        pub struct Names {
            $(pub $name: Kept,)*
        }

        impl Names {
            /// Has the interpreter keep them.
            ///
            /// # Errors
            /// When there is no memory for them.
            pub(super) fn new(lua: &Lua) -> Result<Self> {
                Ok(Self { $($name: keep(lua, stringify!($name))?,)* })
            }
        }
    };
}

names! {
    ok err ignore_error_stats_update source line map set double big_number verbatim_string format string
}
