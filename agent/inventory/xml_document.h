// A parsed XML document and the few ways to walk it. Internal to agent/inventory: libxml2 stays behind it.
#pragma once

#include <libxml/tree.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace bulkhead::inventory {

struct XmlFree {
  void operator()(xmlDoc* document) const { xmlFreeDoc(document); }
};
using XmlDocument = std::unique_ptr<xmlDoc, XmlFree>;

struct XmlLimits {
  std::size_t bytes;
  std::size_t depth;
};

// Nothing is fetched; a document type declaration (the home of entities) ends the parse.
absl::StatusOr<XmlDocument> parse_xml(std::string_view text, const XmlLimits& limits);

std::string_view local_name(const xmlNode& element);
std::string_view namespace_of(const xmlNode& element);

// First child element of that name in no namespace (libvirt's own elements), or null.
const xmlNode* child(const xmlNode* element, std::string_view name);
// First child element with that namespace and name, or null.
const xmlNode* child(const xmlNode* element, std::string_view namespace_uri, std::string_view name);
// All child elements in the order of the document.
void for_each_child(const xmlNode* element, const std::function<void(const xmlNode&)>& visit);

// Nothing when the element is null or has no such attribute.
std::optional<std::string> attribute(const xmlNode* element, const char* name);
// Text below the element without the space around it; empty when the element is null.
std::string text_of(const xmlNode* element);

}  // namespace bulkhead::inventory
