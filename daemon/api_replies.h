// The resources of the API as JSON, read from a store. docs/api.md has every parameter and member.
// Stateless; one call holds no more than two pages of findings in memory.
#pragma once

#include "daemon/api_query.h"
#include "daemon/setup.h"
#include "exporters/http_server.h"
#include "storage/store.h"

namespace postern::daemon {

// 200 with the resource, 400 for a bad parameter, 404 for what does not exist, 500 where the store
// cannot be read.
exporters::HttpResponse ReplyTo(const ApiQuery& query, const Setup& setup,
                                const storage::Store& store);

// {"error":"…"}
exporters::HttpResponse ApiError(unsigned status, const std::string& message);

}  // namespace postern::daemon
