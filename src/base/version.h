/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KCT_BASE_VERSION_H
#define KCT_BASE_VERSION_H

#define KCT_VERSION "0.1.0"

#endif
