// SPDX-License-Identifier: Apache-2.0
// GET /info: the limits that are in force at this location, for clients and their people.
#include "enc_ngx.h"

enum { INFO_MAX = 1024 };

// "fernet", "age"
static void print_formats(u_char *p, u_char *end)
{
    for (int format = 0; format < ENC_JOB_N_FORMATS; format++)
        p = ngx_slprintf(p, end - 1, "%s\"%s\"", format > 0 ? ", " : "",
                         enc_job_format_name((enum enc_job_format)format));
    *p = '\0';
}

static ngx_int_t write_info(ngx_http_request_t *r, ngx_str_t *ret)
{
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    const ngx_http_core_srv_conf_t *cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(r, ngx_http_encrypter_module);
    const struct enc_ngx_main_conf *main_conf =
        ngx_http_get_module_main_conf(r, ngx_http_encrypter_module);
    u_char formats[64];

    print_formats(formats, formats + sizeof(formats));
    ret->data = ngx_pnalloc(r->pool, INFO_MAX);
    if (!ret->data)
        return NGX_ERROR;
    u_char *end = ngx_slprintf(
        ret->data, ret->data + INFO_MAX,
        "{\"name\": \"IIGM Encrypter\", \"version\": \"%s\", \"formats\": [%s], \"limits\": {"
        "\"body_bytes\": %O, \"hold_bytes\": %uz, "
        "\"form_parts\": %ui, \"form_part_header_bytes\": %ui, \"recipients\": %ui, "
        "\"page_file_bytes\": %ui, "
        "\"spool_request_bytes\": %O, \"spool_service_bytes\": %O, \"spool_patience_ms\": %M, "
        "\"header_timeout_ms\": %M, \"body_timeout_ms\": %M, \"send_timeout_ms\": %M, "
        "\"keepalive_timeout_ms\": %M}}\n",
        ENC_VERSION, formats, clcf->client_max_body_size, conf->hold_bytes,
        (ngx_uint_t)ENC_JOB_FORM_PARTS_MAX, (ngx_uint_t)ENC_JOB_FORM_PART_HEADERS_MAX,
        (ngx_uint_t)ENC_JOB_RECIPIENTS_MAX, (ngx_uint_t)ENC_NGX_PAGE_FILE_MAX,
        conf->spool_request_max, main_conf->spool_max, conf->spool_patience,
        cscf->client_header_timeout, clcf->client_body_timeout, clcf->send_timeout,
        clcf->keepalive_timeout);
    ret->len = (size_t)(end - ret->data);
    return NGX_OK;
}

ngx_int_t enc_ngx_info_handler(ngx_http_request_t *r, const ngx_str_t *name)
{
    ngx_str_t type = ngx_string("application/json");
    ngx_http_complex_value_t cv = {0};

    (void)name;
    if (write_info(r, &cv.value) != NGX_OK || enc_ngx_add_header(r, "Cache-Control", "no-store"))
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return ngx_http_send_response(r, NGX_HTTP_OK, &type, &cv);
}
