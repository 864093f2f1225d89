//! What LIS promises, tried from the outside. One binary for all Rust tests; the list is here, the tests by subject in
//! `it/`. Tests that need time, real data or rights over the machine are listed as skipped where those are missing.

#[path = "it/backups.rs"]
mod backups;
#[path = "it/cancel.rs"]
mod cancel;
#[path = "it/city.rs"]
mod city;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/damage.rs"]
mod damage;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/leaks.rs"]
mod leaks;
#[path = "it/lifecycle.rs"]
mod lifecycle;
#[path = "it/loads.rs"]
mod loads;
#[path = "it/memory.rs"]
mod memory;
#[path = "it/real_data.rs"]
mod real_data;
#[path = "it/tenant_swap.rs"]
mod tenant_swap;
#[path = "it/undo.rs"]
mod undo;
#[path = "it/wire.rs"]
mod wire;

use std::process::ExitCode;

use lis_tests::trials::{CLIENTS, LONG, REAL_DATA, Trials};

fn main() -> ExitCode {
    let trials = Trials::new()
        .quick("lifecycle::a_missing_directory_is_named", lifecycle::a_missing_directory_is_named)
        .quick("lifecycle::a_warehouse_is_not_made_twice", lifecycle::a_warehouse_is_not_made_twice)
        .quick("lifecycle::a_port_in_use_is_named", lifecycle::a_port_in_use_is_named)
        .quick("lifecycle::a_damaged_catalogue_is_named", lifecycle::a_damaged_catalogue_is_named)
        .quick("lifecycle::an_unreadable_directory_is_named", lifecycle::an_unreadable_directory_is_named)
        .quick("lifecycle::the_example_configuration_is_read", lifecycle::the_example_configuration_is_read)
        .quick("lifecycle::status_asks_the_server_that_serves", lifecycle::status_asks_the_server_that_serves)
        .quick("lifecycle::sigterm_ends_it_with_0", lifecycle::sigterm_ends_it_with_0)
        .quick("lifecycle::what_was_written_survives_a_kill", lifecycle::what_was_written_survives_a_kill)
        .quick("wire::a_wrong_password_is_refused", wire::a_wrong_password_is_refused)
        .quick(
            "wire::there_is_room_for_those_who_have_business",
            wire::there_is_room_for_those_who_have_business,
        )
        .quick("wire::statements_in_one_message", wire::statements_in_one_message)
        .quick("wire::the_transaction_status_is_true", wire::the_transaction_status_is_true)
        .quick("wire::errors_say_what_and_where", wire::errors_say_what_and_where)
        .quick("wire::a_running_statement_can_be_cancelled", wire::a_running_statement_can_be_cancelled)
        .quick("wire::a_streaming_result_can_be_cancelled", wire::a_streaming_result_can_be_cancelled)
        .quick("wire::portals_suspend", wire::portals_suspend)
        .quick("wire::a_message_too_large_is_refused", wire::a_message_too_large_is_refused)
        .quick("wire::foreign_bytes_do_no_harm", wire::foreign_bytes_do_no_harm)
        .quick("wire::a_slow_client_costs_no_memory", wire::a_slow_client_costs_no_memory)
        .needs(LONG, "wire::ten_million_rows_to_a_slow_client", wire::ten_million_rows_to_a_slow_client)
        .quick("loads::a_delivery_becomes_rows_and_rejects", loads::a_delivery_becomes_rows_and_rejects)
        .quick("loads::the_same_delivery_again_does_nothing", loads::the_same_delivery_again_does_nothing)
        .quick(
            "loads::bad_configuration_is_refused_with_its_place",
            loads::bad_configuration_is_refused_with_its_place,
        )
        .quick("loads::too_many_rejects_publish_nothing", loads::too_many_rejects_publish_nothing)
        .quick("loads::a_missing_file_is_named", loads::a_missing_file_is_named)
        .quick("loads::what_a_table_demands_is_demanded", loads::what_a_table_demands_is_demanded)
        .quick(
            "undo::what_was_built_on_a_batch_is_told_to_who_may_know",
            undo::what_was_built_on_a_batch_is_told_to_who_may_know,
        )
        .quick(
            "undo::a_batch_goes_after_compaction_and_updates_and_only_once",
            undo::a_batch_goes_after_compaction_and_updates_and_only_once,
        )
        .quick("undo::a_correction_is_one_snapshot", undo::a_correction_is_one_snapshot)
        .quick("undo::what_was_replaced_comes_back", undo::what_was_replaced_comes_back)
        .only_if(
            loads::can_mount(),
            "the right to mount",
            "loads::a_full_disk_loads_nothing",
            loads::a_full_disk_loads_nothing,
        )
        .quick("city::each_head_sees_the_own_administration", city::each_head_sees_the_own_administration)
        .quick("city::the_books_are_in_order", city::the_books_are_in_order)
        .quick("city::the_ledger_of_batches_agrees", city::the_ledger_of_batches_agrees)
        .quick("city::the_report_is_signed_as_reports_are", city::the_report_is_signed_as_reports_are)
        .quick("city::the_stories_are_there", city::the_stories_are_there)
        .quick("city::comments_and_keys_are_shown", city::comments_and_keys_are_shown)
        .needs(LONG, "city::a_million_lines_load_in_a_minute", city::a_million_lines_load_in_a_minute)
        .quick("leaks::errors_tell_nothing", leaks::errors_tell_nothing)
        .quick("leaks::statistics_tell_nothing", leaks::statistics_tell_nothing)
        .quick("leaks::explain_tells_nothing", leaks::explain_tells_nothing)
        .quick(
            "leaks::a_policy_holds_wherever_the_table_stands",
            leaks::a_policy_holds_wherever_the_table_stands,
        )
        .quick("tenant_swap::random_queries_cannot_tell", tenant_swap::random_queries_cannot_tell)
        .quick("tenant_swap::random_modifications_cannot_tell", tenant_swap::random_modifications_cannot_tell)
        .quick("backups::what_is_restored_is_what_was_there", backups::what_is_restored_is_what_was_there)
        .quick(
            "backups::backups_beside_a_writer_are_of_one_moment",
            backups::backups_beside_a_writer_are_of_one_moment,
        )
        .quick("crash::thirty_kills_lose_nothing", crash::thirty_kills_lose_nothing)
        .needs(LONG, "crash::four_hundred_kills_lose_nothing", crash::four_hundred_kills_lose_nothing)
        .quick(
            "damage::a_flipped_bit_is_caught_and_its_file_named",
            damage::a_flipped_bit_is_caught_and_its_file_named,
        )
        .quick("damage::a_cut_or_missing_file_is_named", damage::a_cut_or_missing_file_is_named)
        .quick("damage::a_strange_catalogue_is_refused", damage::a_strange_catalogue_is_refused)
        .only_if(
            loads::can_mount(),
            "the right to mount",
            "damage::a_full_disk_loses_nothing",
            damage::a_full_disk_loses_nothing,
        )
        .only_if(
            loads::can_mount(),
            "the right to mount",
            "damage::a_read_only_disk_is_still_read",
            damage::a_read_only_disk_is_still_read,
        )
        .only_if(
            damage::can_turn_the_clock(),
            "Debian's package faketime",
            "damage::a_clock_that_goes_back_breaks_nothing",
            damage::a_clock_that_goes_back_breaks_nothing,
        )
        .only_if(
            damage::can_mount_a_disk(),
            "the right to mount a disk of ext4",
            "damage::a_disk_that_fails_loses_nothing",
            damage::a_disk_that_fails_loses_nothing,
        )
        .quick(
            "cancel::a_statement_that_is_stopped_leaves_nothing",
            cancel::a_statement_that_is_stopped_leaves_nothing,
        )
        .quick(
            "cancel::a_statement_that_is_cancelled_leaves_nothing",
            cancel::a_statement_that_is_cancelled_leaves_nothing,
        )
        .quick("cancel::long_values_are_stopped_or_quick", cancel::long_values_are_stopped_or_quick)
        .quick("cancel::a_client_that_goes_leaves_nothing", cancel::a_client_that_goes_leaves_nothing)
        .quick("memory::series_are_streams", memory::series_are_streams)
        .quick("memory::made_values_are_counted", memory::made_values_are_counted)
        .quick("memory::long_values_are_refused", memory::long_values_are_refused)
        .quick("memory::a_union_of_many_arms", memory::a_union_of_many_arms)
        .quick("memory::too_much_is_an_error_of_the_statement", memory::too_much_is_an_error_of_the_statement)
        .quick(
            "memory::long_values_are_not_copied_for_each_row",
            memory::long_values_are_not_copied_for_each_row,
        )
        .quick("memory::settings_are_few_and_short", memory::settings_are_few_and_short)
        .quick("faults::a_kill_leaves_old_or_new", faults::a_kill_leaves_old_or_new)
        .needs(LONG, "faults::fifty_kills_leave_old_or_new", faults::fifty_kills_leave_old_or_new)
        .needs(
            REAL_DATA,
            "real_data::every_board_sees_its_invoices",
            real_data::every_board_sees_its_invoices,
        )
        .needs(CLIENTS, "outside_reader::duckdb_reads_the_lake", city::duckdb_reads_the_lake);
    let code = trials.run();
    city::CITY.stop();
    code
}
