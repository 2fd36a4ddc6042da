#include "agent/inventory/xml_document.h"

#include <fmt/format.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>

#include "absl/strings/ascii.h"

namespace bulkhead::inventory {
namespace {

struct ContextFree {
  void operator()(xmlParserCtxt* context) const { xmlFreeParserCtxt(context); }
};

// What the parser's callbacks find wrong; reached through the context's _private.
struct Watch {
  std::size_t depth_limit;
  std::string refused;
};

std::string_view view(const xmlChar* text) {
  return text == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(text));
}

void refuse(xmlParserCtxt* context, std::string why) {
  static_cast<Watch*>(context->_private)->refused = std::move(why);
  xmlStopParser(context);
}

// libvirt never writes a document type. Refusing it as a whole leaves no entity to expand.
void on_document_type(void* user, const xmlChar*, const xmlChar*, const xmlChar*) {
  refuse(static_cast<xmlParserCtxt*>(user), "has a document type declaration");
}

void on_start_element(void* user, const xmlChar* name, const xmlChar* prefix, const xmlChar* uri, int namespace_count,
                      const xmlChar** namespaces, int attribute_count, int defaulted_count,
                      const xmlChar** attributes) {
  auto* context = static_cast<xmlParserCtxt*>(user);
  const auto* watch = static_cast<const Watch*>(context->_private);
  if (static_cast<std::size_t>(context->nodeNr) >= watch->depth_limit) {
    refuse(context, fmt::format("is nested deeper than {} elements", watch->depth_limit));
    return;
  }
  xmlSAX2StartElementNs(user, name, prefix, uri, namespace_count, namespaces, attribute_count, defaulted_count,
                        attributes);
}

std::string cause_of(xmlParserCtxt* context, const Watch& watch) {
  const int line = context->input != nullptr ? context->input->line : 0;
  if (!watch.refused.empty()) return fmt::format("line {}: {}", line, watch.refused);
  const xmlError* error = xmlCtxtGetLastError(context);
  if (error == nullptr || error->message == nullptr) return "is not well-formed";
  const std::string message(absl::StripAsciiWhitespace(error->message));
  return fmt::format("line {}: {}", error->line, message.substr(0, 256));
}

}  // namespace

absl::StatusOr<XmlDocument> parse_xml(std::string_view text, const XmlLimits& limits) {
  static const bool initialized = (xmlInitParser(), true);
  static_cast<void>(initialized);
  if (text.size() > limits.bytes) {
    return absl::InvalidArgumentError(fmt::format("XML of {} bytes is larger than {}", text.size(), limits.bytes));
  }
  const std::unique_ptr<xmlParserCtxt, ContextFree> context(xmlNewParserCtxt());
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for an XML parser");
  Watch watch{limits.depth, ""};
  context->_private = &watch;
  context->sax->internalSubset = on_document_type;
  context->sax->startElementNs = on_start_element;
  constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
  XmlDocument document(
      xmlCtxtReadMemory(context.get(), text.data(), static_cast<int>(text.size()), nullptr, nullptr, kOptions));
  if (document == nullptr || context->wellFormed == 0 || !watch.refused.empty()) {
    return absl::InvalidArgumentError(fmt::format("XML {}", cause_of(context.get(), watch)));
  }
  return document;
}

std::string_view local_name(const xmlNode& element) {
  return view(element.name);
}

std::string_view namespace_of(const xmlNode& element) {
  return element.ns == nullptr ? std::string_view() : view(element.ns->href);
}

const xmlNode* child(const xmlNode* element, std::string_view namespace_uri, std::string_view name) {
  if (element == nullptr) return nullptr;
  for (const xmlNode* node = element->children; node != nullptr; node = node->next) {
    if (node->type == XML_ELEMENT_NODE && local_name(*node) == name && namespace_of(*node) == namespace_uri)
      return node;
  }
  return nullptr;
}

const xmlNode* child(const xmlNode* element, std::string_view name) {
  return child(element, "", name);
}

void for_each_child(const xmlNode* element, const std::function<void(const xmlNode&)>& visit) {
  if (element == nullptr) return;
  for (const xmlNode* node = element->children; node != nullptr; node = node->next) {
    if (node->type == XML_ELEMENT_NODE) visit(*node);
  }
}

std::optional<std::string> attribute(const xmlNode* element, const char* name) {
  if (element == nullptr) return std::nullopt;
  xmlChar* value = xmlGetNoNsProp(element, reinterpret_cast<const xmlChar*>(name));
  if (value == nullptr) return std::nullopt;
  std::string result(view(value));
  xmlFree(value);
  return result;
}

std::string text_of(const xmlNode* element) {
  if (element == nullptr) return {};
  xmlChar* value = xmlNodeGetContent(element);
  std::string result(view(value));
  xmlFree(value);
  return std::string(absl::StripAsciiWhitespace(result));
}

}  // namespace bulkhead::inventory
