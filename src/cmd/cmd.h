/* SPDX-License-Identifier: GPL-2.0 */
/* The subcommands. Each gets its own argv and gives an enum kct_exit. */
#ifndef KCT_CMD_CMD_H
#define KCT_CMD_CMD_H

int cmd_doctor(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_migration(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_whatif(int argc, char **argv);
int cmd_cut(int argc, char **argv);
int cmd_merge(int argc, char **argv);
int cmd_drift(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_migrations(int argc, char **argv);
int cmd_workload(int argc, char **argv);

#endif
