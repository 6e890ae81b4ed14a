// SPDX-License-Identifier: Apache-2.0
// Sends a file with Go's net/http: large form|body URL FILE HEAD
// The answer goes to the standard output, its status and headers to HEAD as JSON.
package main

import (
	"encoding/json"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"os"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The form as a stream: its length is not declared.
func formOf(file io.Reader) (io.Reader, string) {
	reader, writer := io.Pipe()
	form := multipart.NewWriter(writer)
	go func() {
		part, err := form.CreateFormFile("file", "large.bin")
		check(err)
		_, err = io.Copy(part, file)
		check(err)
		check(form.Close())
		writer.Close()
	}()
	return reader, form.FormDataContentType()
}

func main() {
	kind, url, path, headPath := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	file, err := os.Open(path)
	check(err)
	info, err := file.Stat()
	check(err)
	var body io.Reader = file
	contentType := "application/octet-stream"
	if kind == "form" {
		body, contentType = formOf(file)
	}
	request, err := http.NewRequest("POST", url, body)
	check(err)
	request.Header.Set("Content-Type", contentType)
	if kind == "body" && info.Size() > 0 {
		request.ContentLength = info.Size()
	}
	response, err := http.DefaultClient.Do(request)
	check(err)
	headers := [][2]string{}
	for name, values := range response.Header {
		headers = append(headers, [2]string{name, values[0]})
	}
	head, err := json.Marshal(map[string]any{"status": response.StatusCode, "headers": headers})
	check(err)
	check(os.WriteFile(headPath, head, 0o644))
	_, err = io.Copy(os.Stdout, response.Body)
	check(err)
}
