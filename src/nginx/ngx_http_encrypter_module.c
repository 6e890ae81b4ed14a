// SPDX-License-Identifier: Apache-2.0
// The module's face to nginx: directives, variables, and what each process sets up.
//
//     encrypter on | off;              location: the service answers here
//     encrypter_hold SIZE;             kept back before the answer starts (64k)
//     encrypter_json_errors on | off;  nginx's error pages become the contract's JSON
//     encrypter_spool_path PATH;       where ciphertext waits: for clients that do not read,
//                                      or to be verified
//     encrypter_spool_max SIZE;        disk for all of it (64g)
//     encrypter_spool_request_max SIZE;  disk for one request (22g)
//     encrypter_spool_patience TIME;   how long such a client is waited for (20ms)
//     encrypter_full_duplex on | off | auto;  whether answers start before the request has ended
//     encrypter_cors_origins ORIGIN ... | * | off;  whose pages may read the answers
//     encrypter_instructions auto | portable | avx2 | avx512;  the most that is used of the
//     processor
//
// They are described in docs/operations.md.
#include <malloc.h>
#include <sys/prctl.h>

#include "enc_cpu.h"
#include "enc_crypto_init.h"
#include "enc_ngx.h"
#include "enc_ngx_cors.h"
#include "enc_ngx_quota.h"
#include "enc_ngx_spool.h"

#define ANYWHERE (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)

// Of a worker, at the end of its heap, for the requests to come; and what comes from the system
// each time.
#define FREE_MEMORY_MAX (16 * 1024 * 1024)
#define MAPPED_MIN (1024 * 1024)

#define SPOOL_PATH_DEFAULT "/var/lib/nginx/encrypter_spool"

static ngx_conf_enum_t duplex_names[] = {
    {ngx_string("off"), ENC_NGX_DUPLEX_OFF},
    {ngx_string("on"), ENC_NGX_DUPLEX_ON},
    {ngx_string("auto"), ENC_NGX_DUPLEX_AUTO},
    {ngx_null_string, 0},
};

static ngx_conf_enum_t instruction_names[] = {
    {ngx_string("auto"), ENC_CPU_N_LEVELS - 1},
    {ngx_string("portable"), ENC_CPU_PORTABLE},
    {ngx_string("avx2"), ENC_CPU_AVX2},
    {ngx_string("avx512"), ENC_CPU_AVX512},
    {ngx_null_string, 0},
};

static ngx_command_t commands[] = {
    {ngx_string("encrypter"), NGX_HTTP_LOC_CONF | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, enable), NULL},
    {ngx_string("encrypter_hold"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_size_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, hold_bytes), NULL},
    {ngx_string("encrypter_json_errors"), ANYWHERE | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, json_errors), NULL},
    {ngx_string("encrypter_spool_path"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_path_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct enc_ngx_main_conf, spool_path), NULL},
    {ngx_string("encrypter_spool_max"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_off_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(struct enc_ngx_main_conf, spool_max), NULL},
    {ngx_string("encrypter_spool_request_max"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_off_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, spool_request_max), NULL},
    {ngx_string("encrypter_spool_patience"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, spool_patience), NULL},
    {ngx_string("encrypter_full_duplex"), ANYWHERE | NGX_CONF_TAKE1, ngx_conf_set_enum_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(struct enc_ngx_loc_conf, full_duplex), duplex_names},
    {ngx_string("encrypter_cors_origins"), ANYWHERE | NGX_CONF_1MORE, enc_ngx_cors_set_origins,
     NGX_HTTP_LOC_CONF_OFFSET, 0, NULL},
    {ngx_string("encrypter_instructions"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_enum_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(struct enc_ngx_main_conf, instructions), instruction_names},
    ngx_null_command,
};

static void *create_main_conf(ngx_conf_t *cf)
{
    struct enc_ngx_main_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

    if (!conf)
        return NULL;
    conf->spool_max = NGX_CONF_UNSET;
    conf->instructions = NGX_CONF_UNSET_UINT;
    return conf;
}

static ngx_int_t check_spool(void *data, ngx_log_t *log)
{
    const struct enc_ngx_main_conf *conf = data;

    return enc_ngx_spool_check_path((const char *)conf->spool_path->name.data, log);
}

static char *init_main_conf(ngx_conf_t *cf, void *data)
{
    static ngx_path_init_t path_default = {ngx_string(SPOOL_PATH_DEFAULT), {0, 0, 0}};
    struct enc_ngx_main_conf *conf = data;

    ngx_conf_init_value(conf->spool_max, (off_t)64 << 30);
    ngx_conf_init_uint_value(conf->instructions, ENC_CPU_N_LEVELS - 1);
    if (ngx_conf_merge_path_value(cf, &conf->spool_path, NULL, &path_default) != NGX_CONF_OK ||
        !ngx_thread_pool_add(cf, NULL) || enc_ngx_quota_install(cf, check_spool, conf) != NGX_OK)
        return NGX_CONF_ERROR;
    return NGX_CONF_OK;
}

static void *create_loc_conf(ngx_conf_t *cf)
{
    struct enc_ngx_loc_conf *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

    if (!conf)
        return NULL;
    conf->enable = NGX_CONF_UNSET;
    conf->json_errors = NGX_CONF_UNSET;
    conf->hold_bytes = NGX_CONF_UNSET_SIZE;
    conf->spool_request_max = NGX_CONF_UNSET;
    conf->spool_patience = NGX_CONF_UNSET_MSEC;
    conf->full_duplex = NGX_CONF_UNSET_UINT;
    conf->cors_origins = NGX_CONF_UNSET_PTR;
    return conf;
}

static char *merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    const struct enc_ngx_loc_conf *outer = parent;
    struct enc_ngx_loc_conf *conf = child;
    ngx_http_core_loc_conf_t *clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_conf_merge_value(conf->enable, outer->enable, 0);
    ngx_conf_merge_value(conf->json_errors, outer->json_errors, 0);
    ngx_conf_merge_size_value(conf->hold_bytes, outer->hold_bytes, 64 * 1024);
    ngx_conf_merge_off_value(conf->spool_request_max, outer->spool_request_max, (off_t)22 << 30);
    ngx_conf_merge_msec_value(conf->spool_patience, outer->spool_patience, 20);
    ngx_conf_merge_uint_value(conf->full_duplex, outer->full_duplex, ENC_NGX_DUPLEX_AUTO);
    ngx_conf_merge_ptr_value(conf->cors_origins, outer->cors_origins, NULL);
    // Here, and not where the directive is read, so that locations within the location have it too.
    if (conf->enable && !clcf->handler)
        clcf->handler = enc_ngx_route_handler;
    return NGX_CONF_OK;
}

// $encrypter_route: the route of the request, without anything that the client chose.
static ngx_int_t get_route(ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data)
{
    const char *name = enc_ngx_route_name(&r->uri);

    (void)data;
    v->data = (u_char *)(uintptr_t)name;
    v->len = (unsigned)ngx_strlen(name) & 0xfffffff;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    return NGX_OK;
}

static ngx_int_t add_variables(ngx_conf_t *cf)
{
    ngx_str_t name = ngx_string("encrypter_route");
    ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, 0);

    if (!variable)
        return NGX_ERROR;
    variable->get_handler = get_route;
    return NGX_OK;
}

static ngx_int_t install(ngx_conf_t *cf)
{
    enc_ngx_cors_install(); // runs after the next one, and so on the errors that it makes
    enc_ngx_errors_install();
    if (enc_ngx_log_install(cf) != NGX_OK)
        return NGX_ERROR;
    return enc_ngx_wipe_install(cf);
}

// The workers inherit it.
static ngx_int_t init_module(ngx_cycle_t *cycle)
{
    const struct enc_ngx_main_conf *conf =
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_encrypter_module);

    if (!conf) // no http block
        return NGX_OK;
    enc_cpu_use((enum enc_cpu_level)conf->instructions);
    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0, "encrypter: instructions: %s",
                  enc_cpu_level_name(enc_cpu_level()));
    return NGX_OK;
}

// The buffers of a request are 150 KiB, or two of 256 KiB more where it spools. glibc gives the end
// of its heap back whenever 128 KiB of that are free, and takes what is as large as that from the
// system anew each time: the kernel would clear those pages for each request.
static void keep_free_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, FREE_MEMORY_MAX);
    mallopt(M_MMAP_THRESHOLD, MAPPED_MIN);
}

static ngx_int_t init_process(ngx_cycle_t *cycle)
{
    // nginx makes its workers dumpable after setuid(); ours hold keys and plaintext. This also
    // keeps other processes of the same user from attaching to them.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno, "prctl(PR_SET_DUMPABLE, 0) failed");
        return NGX_ERROR;
    }
    enc_ngx_quota_init_worker();
    enc_ngx_seed_forget();
    enc_jobs_keep_memory(ENC_JOBS_ABREAST); // 360 KiB
    keep_free_memory();
    enum enc_status st = enc_crypto_init();
    if (st != ENC_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0, "encrypter: libcrypto: %s",
                      enc_status_name(st));
        return NGX_ERROR;
    }
    return NGX_OK;
}

static void exit_process(ngx_cycle_t *cycle)
{
    (void)cycle;
    enc_ngx_seed_forget();
    enc_jobs_keep_memory(0);
    enc_crypto_free();
}

struct enc_ngx_ctx *enc_ngx_ctx_get(ngx_http_request_t *r)
{
    struct enc_ngx_ctx *ctx = ngx_http_get_module_ctx(r, ngx_http_encrypter_module);

    if (!ctx) {
        ctx = ngx_pcalloc(r->pool, sizeof(*ctx));
        ngx_http_set_ctx(r, ctx, ngx_http_encrypter_module);
    }
    return ctx;
}

static ngx_http_module_t module_ctx = {
    .preconfiguration = add_variables,
    .postconfiguration = install,
    .create_main_conf = create_main_conf,
    .init_main_conf = init_main_conf,
    .create_loc_conf = create_loc_conf,
    .merge_loc_conf = merge_loc_conf,
};

ngx_module_t ngx_http_encrypter_module = {
    NGX_MODULE_V1,
    .ctx = &module_ctx,
    .commands = commands,
    .type = NGX_HTTP_MODULE,
    .init_module = init_module,
    .init_process = init_process,
    .exit_process = exit_process,
};

// What nginx looks up in a dynamic module. The order puts our header filters before nginx's own
// filters that add headers, as nginx's build does for any third-party filter.
__attribute__((visibility("default")))
ngx_module_t *ngx_modules[] = {&ngx_http_encrypter_module, NULL};
__attribute__((visibility("default"))) char *ngx_module_names[] = {"ngx_http_encrypter_module",
                                                                   NULL};
__attribute__((visibility("default"))) char *ngx_module_order[] = {
    "ngx_http_encrypter_module", "ngx_http_copy_filter_module", NULL};
