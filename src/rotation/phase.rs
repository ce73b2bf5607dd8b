//! The phases of a rotation, in the one safe order.

macro_rules! named {
    ($(#[doc = $doc:literal])+ $type:ident { $($(#[doc = $of:literal])+ $variant:ident = $name:literal, $means:literal;)+ }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type {
            $($(#[doc = $of])+ $variant,)+
        }

        impl $type {
            /// Every one, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The meaning in one line.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $means,)+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(self.as_str())
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let names: Vec<&str> = Self::ALL.iter().map(|one| one.as_str()).collect();
                schemars::json_schema!({ "type": "string", "enum": names })
            }
        }
    };
}
pub(super) use named;

named! {
    /// Where a server, or a whole fleet, stands. Later is greater.
    Phase {
        /// Trusts the old root, presents an old leaf.
        P0 = "P0", "trust old, sign old";
        /// Trusts both roots, presents an old leaf.
        P1 = "P1", "trust old and new, sign old";
        /// Trusts both roots, presents a new leaf.
        P2 = "P2", "trust old and new, sign new";
        /// Trusts the new root alone, presents a new leaf.
        P3 = "P3", "trust new, sign new";
    }
}
