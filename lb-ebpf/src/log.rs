// SPDX-License-Identifier: GPL-2.0-only OR MIT
//! The log of debug builds. Its level is read at run time, so it can be raised while traffic flows; release builds have
//! no trace of it.

/// Logs at a level of [`levels`] if `CONTROL` asks for it.
macro_rules! log {
    ($packet:expr, $level:expr, $($argument:tt)+) => {
        #[cfg(feature = "log")]
        if crate::maps::control().log_level >= $level as u32 {
            aya_log_ebpf::log!($packet.context(), $level, $($argument)+);
        }
        #[cfg(not(feature = "log"))]
        { let _ = &$packet; }
    };
}

pub(crate) use log;
