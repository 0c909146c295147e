/* Preloaded into every program of the second build of `build-image --verify`: the clock is more than a year later,
 * and directories are listed in the opposite order. What depends on either comes out different. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* 400 days, 5 hours and 7 seconds: another year, another hour, another second. */
#define SHIFT (400L * 86400 + 5 * 3600 + 7)

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long failed = syscall(SYS_clock_gettime, clock, now);

	if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += SHIFT;
	return (int)failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	long failed = syscall(SYS_gettimeofday, now, zone);

	if (!failed)
		now->tv_sec += SHIFT;
	return (int)failed;
}

time_t time(time_t *now)
{
	struct timespec real;

	syscall(SYS_clock_gettime, CLOCK_REALTIME, &real);
	real.tv_sec += SHIFT;
	if (now)
		*now = real.tv_sec;
	return real.tv_sec;
}

/* What is left of an open directory's listing, to be given out from the end. */
struct listing {
	DIR *directory;
	struct dirent64 **entries;
	size_t count;
	struct dirent64 *last;
	struct listing *next;
};

static struct listing *listings;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void drop(struct listing *list)
{
	while (list->count)
		free(list->entries[--list->count]);
	free(list->entries);
	free(list->last);
	list->entries = NULL;
	list->last = NULL;
}

static struct listing *read_all(DIR *directory)
{
	struct dirent64 *(*real)(DIR *) = (struct dirent64 *(*)(DIR *))dlsym(RTLD_NEXT, "readdir64");
	struct listing *list = calloc(1, sizeof(*list));
	struct dirent64 *entry;

	if (!list)
		return NULL;
	list->directory = directory;
	while ((entry = real(directory))) {
		struct dirent64 **grown = realloc(list->entries, (list->count + 1) * sizeof(*grown));
		struct dirent64 *copy = malloc(sizeof(*copy));

		if (!grown || !copy)
			abort();
		memcpy(copy, entry, entry->d_reclen < sizeof(*copy) ? entry->d_reclen : sizeof(*copy));
		list->entries = grown;
		list->entries[list->count++] = copy;
	}
	list->next = listings;
	listings = list;
	return list;
}

static struct listing **find(DIR *directory)
{
	struct listing **at = &listings;

	while (*at && (*at)->directory != directory)
		at = &(*at)->next;
	return at;
}

struct dirent64 *readdir64(DIR *directory)
{
	struct listing *list;
	struct dirent64 *entry = NULL;

	pthread_mutex_lock(&mutex);
	list = *find(directory);
	if (!list)
		list = read_all(directory);
	if (list) {
		free(list->last);
		entry = list->count ? list->entries[--list->count] : NULL;
		list->last = entry;
	}
	pthread_mutex_unlock(&mutex);
	return entry;
}

/* The same structure where pointers have 64 bits. */
struct dirent *readdir(DIR *directory)
{
	return (struct dirent *)readdir64(directory);
}

static void forget(DIR *directory)
{
	struct listing **at, *list;

	pthread_mutex_lock(&mutex);
	at = find(directory);
	list = *at;
	if (list) {
		*at = list->next;
		drop(list);
		free(list);
	}
	pthread_mutex_unlock(&mutex);
}

int closedir(DIR *directory)
{
	int (*real)(DIR *) = (int (*)(DIR *))dlsym(RTLD_NEXT, "closedir");

	forget(directory);
	return real(directory);
}

void rewinddir(DIR *directory)
{
	void (*real)(DIR *) = (void (*)(DIR *))dlsym(RTLD_NEXT, "rewinddir");

	forget(directory);
	real(directory);
}
