// SPDX-License-Identifier: Apache-2.0
// Sends a file as a form with Go's own multipart.Writer: upload URL FILE NAME
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"os"
)

func form(file, name string) (*bytes.Buffer, string) {
	content, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	body := &bytes.Buffer{}
	writer := multipart.NewWriter(body)
	writer.WriteField("comment", "before the file")
	part, err := writer.CreateFormFile("file", name)
	if err != nil {
		log.Fatal(err)
	}
	part.Write(content)
	writer.WriteField("after", "the file")
	writer.Close()
	return body, writer.FormDataContentType()
}

func main() {
	body, contentType := form(os.Args[2], os.Args[3])
	response, err := http.Post(os.Args[1], contentType, body)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	token, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	headers := [][2]string{}
	for name, values := range response.Header {
		for _, value := range values {
			headers = append(headers, [2]string{name, value})
		}
	}
	json.NewEncoder(os.Stdout).Encode(map[string]any{
		"status": response.StatusCode, "headers": headers, "body": string(token)})
}
