//! The suite for the lab: the shipped one, with the addresses of this lab put in.

use std::net::{IpAddr, SocketAddr};

use super::{FIRST_PORT, Lab};
use crate::target::{Address, InvalidAddress};

impl Lab {
    /// The suite for this lab, to stand in one folder with the files that it names.
    pub fn suite_yaml(&self) -> String {
        let ours = self.targets().flat_map(|target| self.named(target));
        let ours: Vec<Address> = ours.collect();
        let mut pieces = SHIPPED.split(ADDRESS);
        let mut yaml = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (port, rest) = piece.split_once('"').unwrap_or((piece, ""));
            // The shipped suite has the ports in the order of the targets.
            let nth = port.parse::<usize>().ok();
            let nth = nth.and_then(|port| port.checked_sub(usize::from(FIRST_PORT)));
            if let Some(address) = nth.and_then(|nth| ours.get(nth)) {
                yaml.push_str(&format!("\"{address}\"{rest}"));
            }
        }
        yaml.replace(FOLDER, "")
    }
}

/// The address of a host, which may itself be a literal address.
pub(super) fn named(host: &str, port: u16) -> Result<Address, InvalidAddress> {
    match host.parse::<IpAddr>() {
        Ok(ip) => Ok(SocketAddr::new(ip, port).into()),
        Err(_) => format!("{host}:{port}").parse(),
    }
}

const SHIPPED: &str = include_str!("../../probes/demo.yaml");
/// How the shipped suite writes an address, up to the port.
const ADDRESS: &str = "\"127.0.0.1:";
/// Where the shipped suite expects the files of the lab.
const FOLDER: &str = "../lab/";
