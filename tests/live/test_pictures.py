# SPDX-License-Identifier: GPL-2.0
"""Migrations of QEMU's to be drawn: a few vCPUs, and many. What is recorded of them stays in
$KCT_RESULTS, if there is one; tests/picture/test_real.py draws it in a browser."""

import os
import shutil

import guest
import kct
import migration
import test_migration


class Pictures(test_migration.Watched):
    TARGET = (test_migration.Watched.TARGET[0], test_migration.Watched.SOURCE[1])

    def migrate_and_keep(self, nr_vcpus):
        record, source = self.begin(nr_vcpus)
        target = self.migrate(source, *guest.arguments(nr_vcpus))
        guest.wait_reads(target, nr_vcpus)
        target.command("stop")
        target.quit()
        source.quit()
        record.finish(check=kct.EXIT_OK)
        told = migration.told(self.path("recording"))
        self.assertEqual([vcpu["id"] for vcpu in told["vcpus"]], list(range(nr_vcpus)))
        if "KCT_RESULTS" in os.environ:
            shutil.copy(self.path("recording"),
                        os.path.join(os.environ["KCT_RESULTS"], f"qemu-{nr_vcpus}.jsonl"))

    def test_1(self):
        self.migrate_and_keep(1)

    def test_4(self):
        self.migrate_and_keep(4)

    def test_64(self):
        self.migrate_and_keep(64)
