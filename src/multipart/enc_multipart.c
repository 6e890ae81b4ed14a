// SPDX-License-Identifier: Apache-2.0
// The streaming parser: a search for the delimiter, and a look at what follows it.
//
// The delimiter is CR LF "--" boundary, and no boundary holds a CR. So a candidate, the beginning
// of a delimiter, can hold no other, but for a CR at its very end; one that fails is data as a
// whole, and is given out from the parser's own copy of it. Nothing has to be searched twice.
#include "enc_multipart.h"

#include <stddef.h>
#include <string.h>

#include "enc_secret.h"

// One answer of enc_multipart_next.
struct event {
    enum enc_multipart_event kind;
    const uint8_t *data;
    size_t n;
};

static void set_event(struct event *event, enum enc_multipart_event kind, const uint8_t *data,
                      size_t n)
{
    *event = (struct event){kind, data, n};
}

void enc_multipart_init(struct enc_multipart_parser *parser,
                        const struct enc_multipart_boundary *boundary)
{
    // Not the large buffers: what of them is in use is counted.
    memset(parser, 0, offsetof(struct enc_multipart_parser, part));
    parser->part.is_file_field = parser->part.has_filename = false;
    parser->part.n_filename = 0;
    memcpy(parser->delimiter, "\r\n--", 4);
    memcpy(parser->delimiter + 4, boundary->chars, boundary->n);
    parser->n_delimiter = 4 + boundary->n;
    parser->state = ENC_MULTIPART_STATE_PREAMBLE;
    // The first boundary may be the first thing of all, without a line end before it.
    parser->n_matched = parser->n_virtual = 2;
}

void enc_multipart_wipe(struct enc_multipart_parser *parser)
{
    enc_wipe(parser->headers, parser->n_headers_most);
    enc_wipe(parser, offsetof(struct enc_multipart_parser, headers));
}

void enc_multipart_input(struct enc_multipart_parser *parser, const uint8_t *in, size_t n)
{
    parser->in = in;
    parser->n_in = n;
}

void enc_multipart_input_end(struct enc_multipart_parser *parser)
{
    parser->input_ended = true;
}

static void consume(struct enc_multipart_parser *parser, size_t n)
{
    parser->in += n;
    parser->n_in -= n;
}

// The first whole delimiter, NULL if there is none. It begins with CR, and that is looked for: data
// has few of them. (memmem takes a hundred times as long for zeros with some boundaries.) However
// hostile the data, a place is compared with 74 bytes at most: this stays linear.
static const uint8_t *find_delimiter(const struct enc_multipart_parser *parser)
{
    const uint8_t *at = parser->in;
    const uint8_t *end = at + parser->n_in;

    while ((size_t)(end - at) >= parser->n_delimiter) {
        at = memchr(at, '\r', (size_t)(end - at) - parser->n_delimiter + 1);
        if (at == NULL)
            return NULL;
        for (; *at == '\r' && (size_t)(end - at) >= parser->n_delimiter; at++) {
            if (at[1] == '\n' && memcmp(at, parser->delimiter, parser->n_delimiter) == 0)
                return at;
        }
    }
    return NULL;
}

// Finds where the input stops being data: at a delimiter, or at its beginning at the input's end.
// *ret_n_matched says how much of the delimiter is there.
static size_t find_candidate(const struct enc_multipart_parser *parser, size_t *ret_n_matched)
{
    const uint8_t *in = parser->in;
    const size_t n = parser->n_in;
    const uint8_t *found = find_delimiter(parser);
    if (found != NULL) {
        *ret_n_matched = parser->n_delimiter;
        return (size_t)(found - in);
    }

    // Only the last CR can begin a delimiter that the input cuts off.
    const size_t n_tail = n < parser->n_delimiter ? n : parser->n_delimiter - 1;
    const uint8_t *cr = memrchr(in + n - n_tail, '\r', n_tail);
    if (cr != NULL) {
        const size_t n_match = n - (size_t)(cr - in);
        if (memcmp(cr, parser->delimiter, n_match) == 0) {
            *ret_n_matched = n_match;
            return (size_t)(cr - in);
        }
    }
    *ret_n_matched = 0;
    return n;
}

// Skips a preamble, or gives out a part's data, up to the next candidate. True if there is an
// event.
static bool search(struct enc_multipart_parser *parser, struct event *event)
{
    const uint8_t *data = parser->in;
    const size_t n = find_candidate(parser, &parser->n_matched);

    consume(parser, n + parser->n_matched);
    if (n == 0 || parser->state != ENC_MULTIPART_STATE_DATA)
        return false;
    set_event(event, ENC_MULTIPART_DATA, data, n);
    return true;
}

enum verdict { UNDECIDED, NEXT_PART, LAST_PART, LOOKALIKE };

// RFC 2046, 5.1.1: after the delimiter come "--" if it is the last, white space, and CRLF. Judges
// the candidate with c behind it, and keeps c while it is undecided.
static enum verdict judge(struct enc_multipart_parser *parser, uint8_t c)
{
    const size_t n = parser->n_matched;
    if (n < parser->n_delimiter) {
        if (c != parser->delimiter[n])
            return LOOKALIKE;
        parser->n_matched++;
        return UNDECIDED;
    }

    uint8_t *tail = parser->delimiter + parser->n_delimiter;
    const size_t n_tail = n - parser->n_delimiter;
    const bool closing = n_tail > 0 && tail[0] == '-';
    bool fits;
    if (n_tail > 0 && tail[n_tail - 1] == '\r')
        return c != '\n' ? LOOKALIKE : closing ? LAST_PART : NEXT_PART;
    if (closing && n_tail == 1)
        fits = c == '-';
    else if (c == ' ' || c == '\t')
        fits = n_tail - (closing ? 2 : 0) < ENC_MULTIPART_PADDING_MAX;
    else
        fits = c == '\r' || (c == '-' && n_tail == 0);
    if (!fits)
        return LOOKALIKE;
    tail[n_tail] = c;
    parser->n_matched++;
    return UNDECIDED;
}

// The candidate was data, or preamble. True if there is an event.
static bool reject_candidate(struct enc_multipart_parser *parser, struct event *event)
{
    // A CR that should have ended the boundary's line may begin the next candidate.
    const bool ends_with_cr =
        parser->n_matched > parser->n_delimiter && parser->delimiter[parser->n_matched - 1] == '\r';
    const uint8_t *data = parser->delimiter + parser->n_virtual;
    const size_t n = parser->n_matched - parser->n_virtual - (ends_with_cr ? 1 : 0);

    parser->n_matched = ends_with_cr ? 1 : 0;
    parser->n_virtual = 0;
    if (n == 0 || parser->state != ENC_MULTIPART_STATE_DATA)
        return false;
    set_event(event, ENC_MULTIPART_DATA, data, n);
    return true;
}

// The candidate is a boundary. True if there is an event.
static bool accept_candidate(struct enc_multipart_parser *parser, enum verdict verdict,
                             struct event *event)
{
    const bool ends_part = parser->state == ENC_MULTIPART_STATE_DATA;

    parser->state =
        verdict == LAST_PART ? ENC_MULTIPART_STATE_EPILOGUE : ENC_MULTIPART_STATE_HEADERS;
    parser->n_matched = parser->n_virtual = 0;
    parser->n_headers = 0;
    if (ends_part)
        set_event(event, ENC_MULTIPART_PART_END, NULL, 0);
    return ends_part;
}

// Takes the rest of a delimiter in one go, if it is there.
static void follow_whole_delimiter(struct enc_multipart_parser *parser)
{
    const size_t n = parser->n_delimiter - parser->n_matched;

    if (parser->n_in < n || memcmp(parser->in, parser->delimiter + parser->n_matched, n) != 0)
        return;
    parser->n_matched += n;
    consume(parser, n);
}

// Follows a candidate through the input until it is decided. True if there is an event.
static bool follow(struct enc_multipart_parser *parser, struct event *event)
{
    if (parser->n_matched < parser->n_delimiter)
        follow_whole_delimiter(parser);
    while (parser->n_in > 0) {
        const enum verdict verdict = judge(parser, *parser->in);
        if (verdict == LOOKALIKE) // the byte that showed it is looked at anew
            return reject_candidate(parser, event);
        consume(parser, 1);
        if (verdict != UNDECIDED)
            return accept_candidate(parser, verdict, event);
    }
    return false;
}

// Whether what was collected ends with an empty line. *ret_n is the size of what is before it.
static bool headers_are_whole(const struct enc_multipart_parser *parser, size_t *ret_n)
{
    const char *headers = parser->headers;
    const size_t n = parser->n_headers;

    if (n < 2 || memcmp(headers + n - 2, "\r\n", 2) != 0)
        return false;
    *ret_n = n - 2;
    return n == 2 || (n >= 4 && memcmp(headers + n - 4, "\r\n", 2) == 0);
}

// Takes input up to the end of a line, at most, into the part's headers, and begins the part once
// they are whole. True if there is an event.
static bool collect_headers(struct enc_multipart_parser *parser, struct event *event)
{
    if (parser->n_parts == ENC_MULTIPART_PARTS_MAX) {
        parser->status = ENC_TOO_MANY_PARTS;
        return false;
    }
    const uint8_t *line_end = memchr(parser->in, '\n', parser->n_in);
    const size_t n = line_end == NULL ? parser->n_in : (size_t)(line_end - parser->in) + 1;
    if (n > ENC_MULTIPART_HEADERS_MAX - parser->n_headers) {
        parser->status = ENC_PART_HEADERS_TOO_LARGE;
        return false;
    }
    memcpy(parser->headers + parser->n_headers, parser->in, n);
    parser->n_headers += n;
    if (parser->n_headers > parser->n_headers_most)
        parser->n_headers_most = parser->n_headers;
    consume(parser, n);

    size_t n_block;
    if (line_end == NULL || !headers_are_whole(parser, &n_block))
        return false;
    parser->status = enc_multipart_part_parse(parser->headers, n_block, &parser->part);
    if (parser->status != ENC_OK)
        return false;
    parser->n_parts++;
    parser->state = ENC_MULTIPART_STATE_DATA;
    // Where a part is empty, the CRLF of the empty line may be that of the next delimiter.
    parser->n_matched = parser->n_virtual = 2;
    set_event(event, ENC_MULTIPART_PART_BEGIN, NULL, 0);
    return true;
}

// Nothing is left to read. True if there is an event.
static bool end_of_input(struct enc_multipart_parser *parser, struct event *event)
{
    if (parser->state == ENC_MULTIPART_STATE_EPILOGUE ||
        parser->state == ENC_MULTIPART_STATE_ENDED) {
        parser->state = ENC_MULTIPART_STATE_ENDED;
        set_event(event, ENC_MULTIPART_END, NULL, 0);
        return true;
    }
    // The closing boundary needs no CRLF. A CR without its LF is one that was cut off.
    if (parser->n_matched >= parser->n_delimiter + 2 &&
        parser->delimiter[parser->n_delimiter] == '-' &&
        parser->delimiter[parser->n_matched - 1] != '\r')
        return accept_candidate(parser, LAST_PART, event);
    parser->status = ENC_TRUNCATED_BODY;
    return false;
}

// Goes on with what is there. True if there is an event.
static bool advance(struct enc_multipart_parser *parser, struct event *event)
{
    switch (parser->state) {
    case ENC_MULTIPART_STATE_PREAMBLE:
    case ENC_MULTIPART_STATE_DATA:
        return parser->n_matched > 0 ? follow(parser, event) : search(parser, event);
    case ENC_MULTIPART_STATE_HEADERS:
        return collect_headers(parser, event);
    case ENC_MULTIPART_STATE_EPILOGUE:
    case ENC_MULTIPART_STATE_ENDED:
        consume(parser, parser->n_in);
        return false;
    }
    return false;
}

enum enc_status enc_multipart_next(struct enc_multipart_parser *parser,
                                   enum enc_multipart_event *ret_event, const uint8_t **ret_data,
                                   size_t *ret_n)
{
    struct event event = {ENC_MULTIPART_NEEDS_INPUT, NULL, 0};
    bool done = false;

    while (!done && parser->status == ENC_OK) {
        if (parser->n_in > 0)
            done = advance(parser, &event);
        else if (parser->input_ended)
            done = end_of_input(parser, &event);
        else
            done = true;
    }
    if (parser->status != ENC_OK)
        return parser->status;
    *ret_event = event.kind;
    *ret_data = event.data;
    *ret_n = event.n;
    return ENC_OK;
}
