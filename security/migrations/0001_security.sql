-- Roles, memberships, grants, policies, administrations. Numbers of roles, policies and memberships come from one
-- counter and are never used again; rows here are today's, never versioned: going back in time never gives back a right.

CREATE TABLE lis_security_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    next_oid INTEGER NOT NULL,
    changed_snapshot_id INTEGER NOT NULL,
    changed_at_us INTEGER NOT NULL,
    -- From this the verifiers of unknown users are derived, so that they look like known ones.
    mock_secret BLOB NOT NULL
);

CREATE TABLE lis_role (
    oid INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    superuser INTEGER NOT NULL,
    inherit INTEGER NOT NULL,
    create_role INTEGER NOT NULL,
    create_db INTEGER NOT NULL,
    login INTEGER NOT NULL,
    replication INTEGER NOT NULL,
    bypass_rls INTEGER NOT NULL,
    connection_limit INTEGER NOT NULL,
    -- SCRAM-SHA-256$iterations:salt$stored:server, never a password.
    verifier TEXT,
    valid_until_us INTEGER
);

CREATE TABLE lis_membership (
    oid INTEGER PRIMARY KEY,
    role INTEGER NOT NULL,
    member INTEGER NOT NULL,
    grantor INTEGER NOT NULL,
    admin_option INTEGER NOT NULL,
    inherit_option INTEGER NOT NULL,
    set_option INTEGER NOT NULL,
    UNIQUE (role, member, grantor)
);

CREATE TABLE lis_grant (
    object_kind TEXT NOT NULL CHECK (object_kind IN ('schema', 'relation')),
    object INTEGER NOT NULL,
    -- 0 is PUBLIC.
    grantee INTEGER NOT NULL,
    grantor INTEGER NOT NULL,
    privilege TEXT NOT NULL,
    grantable INTEGER NOT NULL,
    PRIMARY KEY (object_kind, object, grantee, grantor, privilege)
) WITHOUT ROWID;

CREATE TABLE lis_row_security (
    relation INTEGER PRIMARY KEY,
    enabled INTEGER NOT NULL,
    forced INTEGER NOT NULL
);

CREATE TABLE lis_policy (
    oid INTEGER PRIMARY KEY,
    relation INTEGER NOT NULL,
    name TEXT NOT NULL,
    permissive INTEGER NOT NULL,
    command TEXT NOT NULL CHECK (command IN ('all', 'select', 'insert', 'update', 'delete')),
    -- Comma-separated numbers of roles; 0 is PUBLIC.
    roles TEXT NOT NULL,
    using_expression TEXT,
    check_expression TEXT,
    UNIQUE (relation, name)
);

CREATE TABLE lis_secured_table (
    relation INTEGER PRIMARY KEY,
    column_id INTEGER NOT NULL,
    area TEXT NOT NULL
);

CREATE TABLE lis_administration (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    parent TEXT,
    valid_from TEXT,
    valid_to TEXT,
    role INTEGER NOT NULL UNIQUE
);

CREATE TABLE lis_area (
    name TEXT PRIMARY KEY,
    sensitive INTEGER NOT NULL
);

CREATE TABLE lis_role_setting (
    role INTEGER NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (role, name)
) WITHOUT ROWID;
