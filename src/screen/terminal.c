// SPDX-License-Identifier: GPL-2.0
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

/* Words that are macros of term.h. */
#undef columns
#undef lines

#include "base/error.h"
#include "base/text.h"
#include "screen/terminal.h"

/* A terminal that takes nothing is asked so often whether it is time to give it up. */
#define STUCK_US 200000

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
#define NR_CRASHES (sizeof(crashes) / sizeof(crashes[0]))

static struct {
	bool is_open, has_colours;
	SCREEN *screen;
	FILE *in; /* ours to close, unless it is standard input */
	int told;
	int epoll, resized; /* the latter tells of SIGWINCH */
	sigset_t mask;	    /* as it was */
	struct termios termios;
	struct sigaction crashes[NR_CRASHES], alarm;
	int said;	    /* what standard error was told; -1: it is no terminal */
	int standard_error; /* the real one */
	off_t said_until;   /* read so far */
	/* What a terminal is told to have it as before, for a signal's handler. */
	char leave[512];
	size_t leave_length;
} terminal = {.epoll = -1, .resized = -1, .said = -1, .standard_error = -1};

/* ---- what a signal's handler does ---- */

static void reset(bool writes)
{
	if (writes && write(STDOUT_FILENO, terminal.leave, terminal.leave_length) < 0)
		return;
	tcsetattr(STDOUT_FILENO, TCSANOW, &terminal.termios);
	if (terminal.said >= 0)
		dup2(terminal.standard_error, STDERR_FILENO);
}

/* The signal is blocked until this returns, and has its default effect then. */
static void on_crash(int number)
{
	reset(true);
	signal(number, SIG_DFL);
	raise(number);
}

/* It takes nothing, and we were told to end: nothing that was changed outlives the process. */
static void on_stuck(int number)
{
	struct pollfd told = {.fd = terminal.told, .events = POLLIN};
	int error = errno;

	(void)number;
	if (poll(&told, 1, 0) > 0) {
		tcflush(STDOUT_FILENO, TCOFLUSH);
		reset(false);
		_exit(KCT_EXIT_INCOMPLETE);
	}
	errno = error;
}

static const struct itimerval never;

/* From now on, until `never`, something is written to it. */
static void watch_out(void)
{
	static const struct itimerval soon = {{0, STUCK_US}, {0, STUCK_US}};

	setitimer(ITIMER_REAL, &soon, NULL);
}

/* A capability that is a string, without the pauses that terminals of paper needed. */
static void note_leaving(const char *name)
{
	const char *text = tigetstr(name);
	bool pauses = false;

	if (!text || text == (const char *)-1)
		return;
	for (; *text && terminal.leave_length < sizeof(terminal.leave); text++) {
		if (text[0] == '$' && text[1] == '<')
			pauses = true;
		if (!pauses)
			terminal.leave[terminal.leave_length++] = *text;
		if (*text == '>')
			pauses = false;
	}
}

/* On a stack of its own: the usual one may be what has overflown. */
static void catch_signals(void)
{
	static char stack[1 << 16];
	const stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction crash = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK},
			 stuck = {.sa_handler = on_stuck, .sa_flags = SA_RESTART};

	sigaltstack(&own, NULL);
	for (size_t i = 0; i < NR_CRASHES; i++)
		sigaction(crashes[i], &crash, &terminal.crashes[i]);
	sigaction(SIGALRM, &stuck, &terminal.alarm);
}

static void restore_signals(void)
{
	const stack_t none = {.ss_flags = SS_DISABLE};

	for (size_t i = 0; i < NR_CRASHES; i++)
		sigaction(crashes[i], &terminal.crashes[i], NULL);
	sigaction(SIGALRM, &terminal.alarm, NULL);
	sigaltstack(&none, NULL);
}

/* ---- what is written to standard error meanwhile ---- */

static void keep_errors(void)
{
	if (!isatty(STDERR_FILENO))
		return;
	terminal.said = memfd_create("stderr", MFD_CLOEXEC);
	terminal.standard_error = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	terminal.said_until = 0;
	if (terminal.said >= 0 && terminal.standard_error >= 0)
		dup2(terminal.said, STDERR_FILENO);
}

static void copy_errors(void)
{
	char text[4096];
	ssize_t length;

	if (lseek(terminal.said, 0, SEEK_SET))
		return;
	while ((length = read(terminal.said, text, sizeof(text))) > 0)
		if (write(STDERR_FILENO, text, (size_t)length) < 0)
			return;
}

static void tell_errors(void)
{
	if (terminal.said >= 0 && terminal.standard_error >= 0) {
		dup2(terminal.standard_error, STDERR_FILENO);
		copy_errors();
	}
	if (terminal.said >= 0)
		close(terminal.said);
	if (terminal.standard_error >= 0)
		close(terminal.standard_error);
	terminal.said = terminal.standard_error = -1;
}

bool kct_terminal_said(char *text, size_t size)
{
	char said[1024];
	off_t end = terminal.said < 0 ? 0 : lseek(terminal.said, 0, SEEK_END);
	ssize_t length;
	char *line;

	if (end <= terminal.said_until)
		return false;
	length = pread(terminal.said, said, sizeof(said) - 1,
		       end - terminal.said_until < (off_t)sizeof(said)
			       ? terminal.said_until
			       : end - (off_t)sizeof(said) + 1);
	terminal.said_until = end;
	if (length <= 0)
		return false;
	/* The one that is ended last. */
	said[length] = '\0';
	if (said[length - 1] == '\n')
		said[length - 1] = '\0';
	line = strrchr(said, '\n');
	line = line ? line + 1 : said;
	kct_text(text, size, line, strlen(line), KCT_TEXT_AGAIN);
	return true;
}

/* ---- begin and end ---- */

static int refuse(const char *why)
{
	kct_error("%s; --batch prints tables instead", why);
	return KCT_EXIT_USAGE;
}

static void set_colours(void)
{
	const char *no = getenv("NO_COLOR");

	terminal.has_colours = !(no && *no) && has_colors();
	if (!terminal.has_colours)
		return;
	start_color();
	use_default_colors();
	init_pair(KCT_STYLE_WARNING, COLOR_YELLOW, -1);
	init_pair(KCT_STYLE_BAD, COLOR_RED, -1);
	init_pair(KCT_STYLE_CHOSEN, COLOR_CYAN, -1);
}

/* Keys, and a signal of which ncurses' own handler would tell only whoever asks. */
static int open_events(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &terminal.mask);
	terminal.resized = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	terminal.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (terminal.resized < 0 || terminal.epoll < 0)
		return -errno;
	event.data.fd = terminal.resized;
	epoll_ctl(terminal.epoll, EPOLL_CTL_ADD, terminal.resized, &event);
	event.data.fd = fileno(terminal.in);
	return epoll_ctl(terminal.epoll, EPOLL_CTL_ADD, fileno(terminal.in), &event) ? -errno : 0;
}

static void close_events(void)
{
	if (terminal.epoll >= 0)
		close(terminal.epoll);
	if (terminal.resized >= 0)
		close(terminal.resized);
	terminal.epoll = terminal.resized = -1;
	sigprocmask(SIG_SETMASK, &terminal.mask, NULL);
}

static void close_input(void)
{
	if (terminal.in && terminal.in != stdin)
		fclose(terminal.in);
	terminal.in = NULL;
}

/* False: this is no terminal that ncurses knows. */
static bool open_screen(void)
{
	static const char *const leaving[] = {"sgr0", "op", "rmkx", "cnorm", "rmcup"};

	bool can_move;
	int error;

	/* Asked first, since newterm() leaves memory behind where it fails. */
	if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
		return false;
	can_move = tigetstr("cup");
	del_curterm(cur_term);
	if (!can_move)
		return false;
	terminal.screen = newterm(NULL, stdout, terminal.in);
	if (!terminal.screen)
		return false;
	set_term(terminal.screen);
	terminal.leave_length = 0;
	for (size_t i = 0; i < sizeof(leaving) / sizeof(leaving[0]); i++)
		note_leaving(leaving[i]);
	cbreak();
	noecho();
	nonl();
	set_escdelay(25);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	set_colours();
	return true;
}

int kct_terminal_open(int told)
{
	setlocale(LC_CTYPE, "");
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDOUT_FILENO, &terminal.termios))
		return refuse("standard output is not a terminal");
	terminal.in = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	if (!terminal.in)
		return refuse("standard input is not a terminal");
	terminal.told = told;
	if (open_events()) {
		close_events();
		close_input();
		kct_error("keys cannot be waited for");
		return KCT_EXIT_HOST;
	}
	if (!open_screen()) {
		close_events();
		close_input();
		return refuse("this terminal (TERM) is not known, or cannot move its cursor");
	}
	keep_errors();
	catch_signals();
	terminal.is_open = true;
	return 0;
}

void kct_terminal_close(void)
{
	if (!terminal.is_open)
		return;
	terminal.is_open = false;
	watch_out();
	endwin();
	setitimer(ITIMER_REAL, &never, NULL);
	restore_signals();
	close_events();
	tell_errors();
	delscreen(terminal.screen);
	close_input();
}

/* ---- while it is open ---- */

int kct_terminal_fd(void)
{
	return terminal.epoll;
}

bool kct_terminal_is_ascii(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

void kct_terminal_size(uint16_t *lines, uint16_t *columns)
{
	struct signalfd_siginfo info;
	struct winsize size;

	if (read(terminal.resized, &info, sizeof(info)) == sizeof(info) &&
	    !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
	*lines = (uint16_t)getmaxy(stdscr);
	*columns = (uint16_t)getmaxx(stdscr);
}

bool kct_terminal_key(bool *is_code, wint_t *key, bool *hung_up)
{
	struct pollfd in = {.fd = fileno(terminal.in), .events = POLLIN};
	int what = get_wch(key);

	*is_code = what == KEY_CODE_YES;
	*hung_up = false;
	if (what != ERR)
		return true;
	/* It is readable, and there is nothing: that is its end. */
	*hung_up = poll(&in, 1, 0) > 0 && in.revents & (POLLHUP | POLLERR | POLLNVAL);
	return false;
}

static attr_t attribute_of(enum kct_style style)
{
	static const struct {
		attr_t plain;
		bool is_coloured;
	} styles[KCT_NR_STYLES] = {
		[KCT_STYLE_STRONG] = {A_BOLD, false},
		[KCT_STYLE_FAINT] = {A_DIM, false},
		[KCT_STYLE_HEAD] = {A_REVERSE, false},
		[KCT_STYLE_CHOSEN] = {A_REVERSE | A_BOLD, true},
		[KCT_STYLE_WARNING] = {A_BOLD, true},
		[KCT_STYLE_BAD] = {A_BOLD, true},
	};

	if (terminal.has_colours && styles[style].is_coloured)
		return styles[style].plain | COLOR_PAIR(style);
	return styles[style].plain;
}

/* What has not changed is not sent again: nothing flickers. */
void kct_terminal_show(const struct kct_page *page)
{
	erase();
	for (size_t i = 0; i < page->count; i++) {
		const struct kct_piece *piece = &page->pieces[i];

		attrset(attribute_of(piece->style));
		mvaddstr(piece->line, piece->column, piece->text);
	}
	attrset(A_NORMAL);
	if (page->cursor_line >= 0)
		move(page->cursor_line, page->cursor_column);
	curs_set(page->cursor_line >= 0);
	watch_out();
	refresh();
	setitimer(ITIMER_REAL, &never, NULL);
}
