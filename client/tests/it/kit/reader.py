# Reads PDFs with pypdf and PDFium and their QR codes with ZXing: programs that we did not write.
import json
import sys

import pypdf
import pypdfium2
import zxingcpp


def qr_codes(picture):
    # Lines of text look like other kinds of code now and then.
    return zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)


def read(path):
    document = pypdf.PdfReader(path, strict=True)
    page = document.pages[0]
    view = pypdfium2.PdfDocument(path)
    picture = view[0].render(scale=3).to_pil()
    grey = picture.convert("L")
    return {
        "pages": len(document.pages),
        "points": [float(page.mediabox.width), float(page.mediabox.height)],
        "pypdf": page.extract_text(),
        "pdfium": view[0].get_textpage().get_text_range(),
        "title": document.metadata.title,
        "fonts": sorted(str(font["/BaseFont"]) for font in fonts(page)),
        "attached": {
            name: data[0].decode() for name, data in document.attachments.items()
        },
        "codes": [code.text for code in qr_codes(picture)],
        # The darkest spot of each margin: ink that a printer would cut off.
        "margins": [
            grey.crop(box).getextrema()[0]
            for box in (
                (0, 0, grey.width, 90),
                (0, grey.height - 90, grey.width, grey.height),
                (0, 0, 150, grey.height),
                (grey.width - 150, 0, grey.width, grey.height),
            )
        ],
    }


def fonts(page):
    return [font.get_object() for font in page["/Resources"]["/Font"].values()]


print(json.dumps([read(path) for path in sys.argv[1:]]))
