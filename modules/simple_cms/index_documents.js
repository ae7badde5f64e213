// Viewer-request function: gives a directory its index document.
//
// "/docs/" is answered with the object docs/index.html. "/docs" is redirected to "/docs/", so that the
// relative links of the page resolve and the page has one address in the cache.

const INDEX_DOCUMENT = 'index.html';

function handler(event) {
  const request = event.request;
  const uri = request.uri;

  if (uri.endsWith('/')) {
    request.uri = uri + INDEX_DOCUMENT;
    return request;
  }
  if (isObject(uri)) {
    return request;
  }
  return redirectTo(directory(uri) + query(request.querystring));
}

// RFC 8615 puts objects without an extension below /.well-known/. Elsewhere an object has a dot in its
// last segment.
function isObject(uri) {
  const lastSegment = uri.slice(uri.lastIndexOf('/') + 1);
  return uri.startsWith('/.well-known/') || /\.|%2e/i.test(lastSegment);
}

// A Location that starts with two slashes or with a slash and a backslash names another host.
function directory(uri) {
  const path = uri.replace(/^[\/\\]+/, '');
  return path === '' ? '/' : '/' + path + '/';
}

function query(parameters) {
  const pairs = [];
  for (const name in parameters) {
    const parameter = parameters[name];
    for (const item of parameter.multiValue || [parameter]) {
      pairs.push(item.value === '' ? name : name + '=' + item.value);
    }
  }
  return pairs.length === 0 ? '' : '?' + pairs.join('&');
}

function redirectTo(location) {
  return {
    statusCode: 301,
    statusDescription: 'Moved Permanently',
    headers: {
      // A browser may keep the redirect for an hour, and no longer.
      'cache-control': { value: 'max-age=3600' },
      location: { value: location },
    },
  };
}
