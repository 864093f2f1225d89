//! TPC-H's tables and rows, made in this process; rows of any origin into a server by COPY; and the comparison of answers
//! whose numerics may have been divided.

use std::fmt::{Display, Write as _};

use anyhow::{Result, ensure};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tpchgen::{
    csv::{CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv},
    generators::{
        CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
        PartSuppGenerator, RegionGenerator, SupplierGenerator,
    },
};

use crate::raw::{RawConnection, Response, Row};

/// The tables of TPC-H, with its keys.
pub const TPCH_TABLES: [(&str, &str); 8] = [
    ("region", "r_regionkey integer primary key, r_name varchar(25), r_comment varchar(152)"),
    (
        "nation",
        "n_nationkey integer primary key, n_name varchar(25), n_regionkey integer, n_comment varchar(152)",
    ),
    (
        "supplier",
        "s_suppkey integer primary key, s_name varchar(25), s_address varchar(40), s_nationkey integer, \
         s_phone varchar(15), s_acctbal numeric(15,2), s_comment varchar(101)",
    ),
    (
        "part",
        "p_partkey integer primary key, p_name varchar(55), p_mfgr varchar(25), p_brand varchar(10), p_type varchar(25), \
         p_size integer, p_container varchar(10), p_retailprice numeric(15,2), p_comment varchar(23)",
    ),
    (
        "partsupp",
        "ps_partkey integer, ps_suppkey integer, ps_availqty integer, ps_supplycost numeric(15,2), \
         ps_comment varchar(199), primary key (ps_partkey, ps_suppkey)",
    ),
    (
        "customer",
        "c_custkey integer primary key, c_name varchar(25), c_address varchar(40), c_nationkey integer, \
         c_phone varchar(15), c_acctbal numeric(15,2), c_mktsegment varchar(10), c_comment varchar(117)",
    ),
    (
        "orders",
        "o_orderkey bigint primary key, o_custkey integer, o_orderstatus varchar(1), o_totalprice numeric(15,2), \
         o_orderdate date, o_orderpriority varchar(15), o_clerk varchar(15), o_shippriority integer, o_comment varchar(79)",
    ),
    (
        "lineitem",
        "l_orderkey bigint, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity numeric(15,2), \
         l_extendedprice numeric(15,2), l_discount numeric(15,2), l_tax numeric(15,2), l_returnflag varchar(1), \
         l_linestatus varchar(1), l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct varchar(25), \
         l_shipmode varchar(10), l_comment varchar(44), primary key (l_orderkey, l_linenumber)",
    ),
];

/// A table's rows as CSV without a header.
pub fn tpch_rows(table: &str, scale: f64) -> Result<String> {
    fn lines<R: Display>(rows: impl Iterator<Item = R>) -> String {
        rows.fold(String::new(), |mut text, row| {
            // Writing to a string does not fail.
            let _infallible = writeln!(text, "{row}");
            text
        })
    }
    Ok(match table {
        "region" => lines(RegionGenerator::new(scale, 1, 1).iter().map(RegionCsv::new)),
        "nation" => lines(NationGenerator::new(scale, 1, 1).iter().map(NationCsv::new)),
        "supplier" => lines(SupplierGenerator::new(scale, 1, 1).iter().map(SupplierCsv::new)),
        "part" => lines(PartGenerator::new(scale, 1, 1).iter().map(PartCsv::new)),
        "partsupp" => lines(PartSuppGenerator::new(scale, 1, 1).iter().map(PartSuppCsv::new)),
        "customer" => lines(CustomerGenerator::new(scale, 1, 1).iter().map(CustomerCsv::new)),
        "orders" => lines(OrderGenerator::new(scale, 1, 1).iter().map(OrderCsv::new)),
        "lineitem" => lines(LineItemGenerator::new(scale, 1, 1).iter().map(LineItemCsv::new)),
        other => anyhow::bail!("{other} is no table of TPC-H"),
    })
}

/// Sends rows to `COPY … FROM STDIN`.
pub fn copy_in(connection: &mut RawConnection, sql: &str, rows: &[u8]) -> Result<()> {
    let mut out = BytesMut::new();
    frontend::query(sql, &mut out)?;
    connection.send(&out)?;
    let answer = connection.receive()?;
    ensure!(answer.tag == b'G', "{sql}: {:?} {:?}", char::from(answer.tag), answer.body);
    for chunk in rows.chunks(1 << 20) {
        out.clear();
        frontend::CopyData::new(chunk)?.write(&mut out);
        connection.send(&out)?;
    }
    out.clear();
    frontend::copy_done(&mut out);
    connection.send(&out)?;
    let response = crate::raw::responses(connection.until_ready()?).pop().unwrap_or_default();
    ensure!(response.error.is_none(), "{sql}: {:?}", response.error);
    Ok(())
}

/// What differs between two answers, if anything: numbers may differ beyond twelve digits.
pub fn difference(ours: &Response, theirs: &Response) -> Option<String> {
    if let Some(error) = &ours.error {
        return Some(format!("{} {}", error.sqlstate(), error.message()));
    }
    if ours.rows.len() != theirs.rows.len() {
        return Some(format!("{} rows, not {}", ours.rows.len(), theirs.rows.len()));
    }
    let same = |ours: &Row, theirs: &Row| {
        ours.len() == theirs.len()
            && ours.iter().zip(theirs).all(|(ours, theirs)| alike(ours.as_deref(), theirs.as_deref()))
    };
    if ours.rows.iter().zip(&theirs.rows).all(|(ours, theirs)| same(ours, theirs)) {
        return None;
    }
    // In another order, rows that tie are still the same rows.
    let mut left: Vec<&Row> = theirs.rows.iter().collect();
    for row in &ours.rows {
        match left.iter().position(|other| same(row, other)) {
            Some(index) => drop(left.swap_remove(index)),
            None => return Some(format!("a row that is not there: {}", show(row))),
        }
    }
    None
}

fn show(row: &Row) -> String {
    let text = |value: &Option<bytes::Bytes>| {
        value.as_ref().map_or_else(|| "NULL".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
    };
    row.iter().map(text).collect::<Vec<_>>().join(" | ")
}

fn alike(ours: Option<&[u8]>, theirs: Option<&[u8]>) -> bool {
    if ours == theirs {
        return true;
    }
    let number = |bytes: Option<&[u8]>| std::str::from_utf8(bytes?).ok()?.parse::<f64>().ok();
    match (number(ours), number(theirs)) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-12 * ours.abs().max(theirs.abs()),
        _ => false,
    }
}
