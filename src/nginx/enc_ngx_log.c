// SPDX-License-Identifier: Apache-2.0
// What nginx's error log says of a request: its route, and not its request line, which may hold a
// file's name, recipients, and by mistake a key.
#include "enc_ngx.h"

static u_char *write_context(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf, size_t len)
{
    const ngx_http_core_srv_conf_t *cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return ngx_snprintf(buf, len, ", server: %V, request: %V %s", &cscf->server_name,
                        &sr->method_name, enc_ngx_route_name(&sr->uri));
}

void enc_ngx_log_route_only(ngx_http_request_t *r)
{
    r->log_handler = write_context;
}

// Before nginx looks for the location, since it refuses an upload that is too large there. So this
// goes by the server.
static ngx_int_t on_head(ngx_http_request_t *r)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(r, ngx_http_encrypter_module);

    if (conf->json_errors)
        enc_ngx_log_route_only(r);
    return NGX_DECLINED;
}

ngx_int_t enc_ngx_log_install(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t *cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    ngx_http_handler_pt *handler = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);

    if (!handler)
        return NGX_ERROR;
    *handler = on_head;
    return NGX_OK;
}
