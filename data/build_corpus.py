"""Builds the binary documents under data/corpus from the readable sources in data/sources.

Run it from anywhere with `python data/build_corpus.py`. It needs the packages python-docx,
python-pptx, openpyxl, reportlab and Pillow, and the font DejaVu Sans Mono. The same sources and
package versions always give the same bytes. Users of ragkit never need to run it.
"""

from __future__ import annotations

from pathlib import Path

from corpus_build.mail import write_eml, write_msg
from corpus_build.office import write_docx, write_pptx, write_xlsx
from corpus_build.openformats import write_epub, write_odt, write_rtf
from corpus_build.pdf import write_letter_with_scan, write_pdf

SOURCES = Path(__file__).parent / "sources"
CORPUS = Path(__file__).parent / "corpus"


def build_word_documents() -> None:
    """Build the handbooks, the Swiss working time regulations and the contract."""
    documents = [
        ("employee-handbook-2025", "policies/employee-handbook-2025", "Employee Handbook 2025"),
        ("employee-handbook-2026", "policies/employee-handbook-2026", "Employee Handbook 2026"),
        ("arbeitszeitreglement-chur", "hr/arbeitszeitreglement-büro-chur", "Ausgabe Juli 2025"),
        ("service-agreement-brattlia", "legal/service-agreement-brattlia", "KV-2025-0318"),
    ]
    for source, target, footer in documents:
        write_docx(SOURCES / f"{source}.md", CORPUS / f"{target}.docx", footer)


def build_pdf_documents() -> None:
    """Build the manual, the security policy and the certificate with a scanned page."""
    write_pdf(
        SOURCES / "varde-s3-user-manual.md",
        CORPUS / "product/varde-s3-user-manual.pdf",
        "Varde S3 User Manual",
        "KV-UM-S3 revision F",
    )
    write_pdf(
        SOURCES / "information-security.md",
        CORPUS / "policies/information-security.pdf",
        "Kaldvard Information Security Policy",
        "Version 5.2 - Internal",
    )
    write_letter_with_scan(
        SOURCES / "calibration-certificate-2025-117.md",
        CORPUS / "quality/calibration-certificate-2025-117.pdf",
    )


def main() -> None:
    """Build everything."""
    build_word_documents()
    build_pdf_documents()
    write_pptx(SOURCES / "roadmap-2026.md", CORPUS / "product/roadmap-2026.pptx")
    caption = "Kaldvard price list, valid from 1 February 2026, in euros without value added tax"
    write_xlsx(
        [
            ("Hardware", caption, SOURCES / "price-list-hardware.csv"),
            ("Subscriptions", caption, SOURCES / "price-list-subscriptions.csv"),
        ],
        CORPUS / "finance/Price list 2026.xlsx",
    )
    write_odt(SOURCES / "data-retention.md", CORPUS / "policies/data-retention.odt")
    write_epub(SOURCES / "field-installation-guide.md", CORPUS / "product/field-installation-guide.epub")
    write_rtf(SOURCES / "board-summary-q4-2025.md", CORPUS / "finance/board-summary-q4-2025.rtf")
    write_eml(SOURCES / "gateway-offline.mail.txt", CORPUS / "support/gateway-offline.eml")
    write_msg(SOURCES / "delayed-sensor-order.mail.txt", CORPUS / "support/delayed-sensor-order.msg")


if __name__ == "__main__":
    main()
