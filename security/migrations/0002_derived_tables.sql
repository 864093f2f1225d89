-- Tables that were made from secured ones: see derivation.rs.
CREATE TABLE lis_derived_table (
    relation INTEGER PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('restricted', 'secured', 'released'))
);
