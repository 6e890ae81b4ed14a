// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer: runs a fuzz target once on each file of a corpus.
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static int replay(const char *path);

static int replay_folder(const char *path)
{
    struct dirent **entries;
    const int n = scandir(path, &entries, NULL, alphasort);
    int failed = 0;

    if (n < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < n; i++) {
        char inside[4096];
        const int length = snprintf(inside, sizeof(inside), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && !failed)
            failed = length >= (int)sizeof(inside) || replay(inside);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

// The input is in memory of its own size, so that a sanitizer sees what is read past its end.
static int replay_file(const char *path, size_t n)
{
    uint8_t *bytes = malloc(n > 0 ? n : 1);
    FILE *file = fopen(path, "rb");
    const int failed = bytes == NULL || file == NULL || fread(bytes, 1, n, file) != n;

    if (failed) {
        perror(path);
    } else {
        // The last line names the culprit if the target aborts.
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(bytes, n);
        n_inputs++;
    }
    if (file != NULL)
        fclose(file);
    free(bytes);
    return failed;
}

static int replay(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        perror(path);
        return 1;
    }
    return S_ISDIR(info.st_mode) ? replay_folder(path) : replay_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (replay(argv[i]) != 0)
            return 1;
    }
    printf("%u inputs replayed\n", n_inputs);
    return n_inputs > 0 ? 0 : 1;
}
